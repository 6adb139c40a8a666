"""Weights of PointNet++ from files in the layout of the reference."""

from __future__ import annotations

import pytest
import torch

from gmanet.errors import InputError
from gmanet.networks.pointnet2.layout import SSG
from gmanet.networks.pointnet2.network import PointNet2
from gmanet.networks.pointnet2.pretrained_weights import load_backbone


def official(path, wrap=True):
    """A file in the layout of pointnet2_sem_seg: 9 channels, biases, with random statistics."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    given = {"sa1": 9 + 3, "sa2": 64 + 3, "sa3": 128 + 3, "sa4": 256 + 3}
    given |= {"fp4": 768, "fp3": 384, "fp2": 320, "fp1": 128}
    widths = {f"sa{number}": level[0].widths for number, level in enumerate(SSG.levels, start=1)}
    widths |= {f"fp{4 - number}": each for number, each in enumerate(SSG.propagation)}
    for name, before in given.items():
        channels = before
        for number, width in enumerate(widths[name]):
            size = (width, channels, 1, 1) if name.startswith("sa") else (width, channels, 1)
            draw = {"mlp_convs": {"weight": size, "bias": (width,)}}
            keys = ("weight", "bias", "running_mean", "running_var")
            draw["mlp_bns"] = dict.fromkeys(keys, (width,))
            for kind, parts in draw.items():
                for key, shape in parts.items():
                    values = torch.rand(shape, generator=generator) + 0.1
                    state[f"{name}.{kind}.{number}.{key}"] = values
            channels = width
    torch.save({"model_state_dict": state} if wrap else state, path)
    return state


@pytest.mark.parametrize("wrap", [True, False])
def test_official_weights_are_those_of_the_file(tmp_path, wrap):
    state = official(tmp_path / "best.pth", wrap)
    made = PointNet2(SSG, 3).eval()
    load_backbone(made, tmp_path / "best.pth")
    # The first layer of the file, by hand: relative coordinates, coordinates, six zeros.
    layers = made.abstractions[0].convolutions[0].local_nn
    x, offset = torch.randn(5, 3), torch.randn(5, 3)
    theirs = torch.cat([offset, x, torch.zeros(5, 6)], dim=1)
    answer = theirs @ state["sa1.mlp_convs.0.weight"].flatten(1).T + state["sa1.mlp_convs.0.bias"]
    spread = (state["sa1.mlp_bns.0.running_var"] + 1e-5).sqrt()
    answer = (answer - state["sa1.mlp_bns.0.running_mean"]) / spread
    answer = answer * state["sa1.mlp_bns.0.weight"] + state["sa1.mlp_bns.0.bias"]
    found = layers[1](layers[0](torch.cat([x, offset], dim=1)))
    torch.testing.assert_close(found, answer, atol=1e-4, rtol=1e-4)
    first = made.propagations[-1].mlp[0].weight
    assert (first[:, :3] == 0).all()
    assert torch.equal(first[:, 3:], state["fp1.mlp_convs.0.weight"].flatten(1))


def test_files_that_are_no_weights_are_refused(tmp_path):
    made = PointNet2(SSG, 3)
    with pytest.raises(InputError, match="no such file"):
        load_backbone(made, tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(InputError, match="cannot be read"):
        load_backbone(made, tmp_path / "text.pth")
    state = official(tmp_path / "best.pth")
    del state["sa2.mlp_bns.1.bias"]
    torch.save(state, tmp_path / "less.pth")
    with pytest.raises(InputError, match=r"no tensor sa2\.mlp_bns\.1\.bias"):
        load_backbone(made, tmp_path / "less.pth")
    state = official(tmp_path / "best.pth")
    state["fp3.mlp_convs.0.weight"] = torch.rand(256, 700, 1)
    torch.save(state, tmp_path / "wide.pth")
    with pytest.raises(InputError, match=r"fp3\.mlp_convs\.0\.weight reads and gives \(700, 256\)"):
        load_backbone(made, tmp_path / "wide.pth")
