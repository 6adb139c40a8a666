"""The encoder of Point-MAE and Point-BERT, its official files, and masked reconstruction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gmanet.detectors.pointmae_config import ENCODERS
from gmanet.errors import InputError
from gmanet.networks.pointmae.encoder import Attention, PointEncoder
from gmanet.networks.pointmae.pretrained_weights import load_official
from gmanet.networks.pointmae.pretraining import TARGET, chamfer, pretrain

SIZES = {"width": 12, "depth": 3, "heads": 2}


def small(kind="pointmae", seed=0, **changes):
    torch.manual_seed(seed)
    encoder = PointEncoder(kind, **{**SIZES, **changes}).eval()
    for part in encoder.modules():  # as after some training, not zeros and ones
        if isinstance(part, nn.BatchNorm1d):
            nn.init.uniform_(part.running_mean, -1, 1)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.uniform_(part.bias, -1, 1)
    return encoder


def patched(count=200, centers=90, group=7, seed=1):
    torch.manual_seed(seed)
    points = torch.randn(count, 3)
    return points, torch.randint(count, (centers, group)), torch.randperm(count)[:centers]


def layers(name, wide, narrow):
    return {f"{name}.weight": torch.randn(wide, narrow), f"{name}.bias": torch.randn(wide)}


def batch_norm(name, channels):
    return {
        f"{name}.weight": torch.rand(channels) + 0.5,
        f"{name}.bias": torch.randn(channels),
        f"{name}.running_mean": torch.randn(channels),
        f"{name}.running_var": torch.rand(channels) + 0.5,
        f"{name}.num_batches_tracked": torch.tensor(7),
    }


def official(kind="pointmae", width=12, depth=3):
    """What ``base_model`` of an official file holds, with its names, at another size."""
    torch.manual_seed(3)
    unit = width // 3
    token = 2 * unit if kind == "pointbert" else width
    inner = {}
    for name, shape in (
        ("first_conv.0", (unit, 3)),
        ("first_conv.3", (2 * unit, unit)),
        ("second_conv.0", (4 * unit, 4 * unit)),
        ("second_conv.3", (token, 4 * unit)),
    ):
        made = layers(f"encoder.{name}", *shape)
        inner |= {
            key: value[..., None] if value.ndim == 2 else value for key, value in made.items()
        }
    inner |= batch_norm("encoder.first_conv.1", unit) | batch_norm(
        "encoder.second_conv.1", 4 * unit
    )
    inner |= layers("pos_embed.0", 128, 3) | layers("pos_embed.2", width, 128)
    for number in range(depth):
        block = f"blocks.blocks.{number}"
        inner[f"{block}.attn.qkv.weight"] = torch.randn(3 * width, width)
        inner |= layers(f"{block}.attn.proj", width, width)
        inner |= layers(f"{block}.mlp.fc1", 4 * width, width)
        inner |= layers(f"{block}.mlp.fc2", width, 4 * width)
        for norm in ("norm1", "norm2"):
            inner |= {f"{block}.{norm}.{key}": torch.rand(width) for key in ("weight", "bias")}
    inner |= {f"norm.{key}": torch.rand(width) for key in ("weight", "bias")}
    if kind == "pointbert":
        inner |= layers("reduce_dim", width, token)
        inner |= {"cls_token": torch.randn(1, 1, width), "cls_pos": torch.randn(1, 1, width)}
        inner |= {"cls_head.0.weight": torch.randn(2, 2)}
    prefix = "MAE_encoder." if kind == "pointmae" else "module.transformer_q."
    return {f"{prefix}{key}": value for key, value in inner.items()} | {"lm_head": torch.ones(1)}


def by_definition(state, kind, points, groups, chosen, heads):
    """The features, from the official tensors and the papers' sentences alone."""
    prefix = "MAE_encoder." if kind == "pointmae" else "module.transformer_q."
    w = {key.removeprefix(prefix): value.double() for key, value in state.items()}
    gelu, norm = nn.functional.gelu, nn.functional.layer_norm

    def linear(name, x):
        return x @ w[f"{name}.weight"].flatten(1).T + w.get(f"{name}.bias", torch.zeros(1))

    def batch(name, x):
        scaled = (x - w[f"{name}.running_mean"]) / (w[f"{name}.running_var"] + 1e-5).sqrt()
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def layer(name, x):
        return norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"])

    centers = points[chosen].double()
    x = points[groups].double() - centers[:, None]
    x = linear(
        "encoder.first_conv.3",
        batch("encoder.first_conv.1", linear("encoder.first_conv.0", x)).relu(),
    )
    x = torch.cat([x.amax(dim=1, keepdim=True).expand_as(x), x], dim=2)
    x = batch("encoder.second_conv.1", linear("encoder.second_conv.0", x)).relu()
    x = linear("encoder.second_conv.3", x).amax(dim=1)
    place = linear("pos_embed.2", gelu(linear("pos_embed.0", centers)))
    if kind == "pointbert":
        x = torch.cat([w["cls_token"][0], linear("reduce_dim", x)])
        place = torch.cat([w["cls_pos"][0], place])
    found = []
    for number in range(3):
        block = f"blocks.blocks.{number}"
        x = x + place
        parts = linear(f"{block}.attn.qkv", layer(f"{block}.norm1", x)).chunk(3, dim=1)
        mixed = []
        for q, k, v in zip(*(part.chunk(heads, dim=1) for part in parts), strict=True):
            mixed.append((q @ k.T / q.shape[1] ** 0.5).softmax(dim=1) @ v)
        x = x + linear(f"{block}.attn.proj", torch.cat(mixed, dim=1))
        inner = gelu(linear(f"{block}.mlp.fc1", layer(f"{block}.norm2", x)))
        x = x + linear(f"{block}.mlp.fc2", inner)
        found.append(layer("norm", x)[int(kind == "pointbert") :])
    return torch.cat(found, dim=1)


@pytest.mark.parametrize("kind", ENCODERS)
def test_official_files_are_read_and_give_what_the_papers_say(tmp_path, kind):
    path, state = tmp_path / "weights.pth", official(kind)
    torch.save({"base_model": state, "epoch": 300}, path)
    encoder = load_official(path, kind, **SIZES)
    assert not encoder.training
    cloud = patched()
    expected = by_definition(state, kind, *cloud, heads=SIZES["heads"])
    torch.testing.assert_close(encoder(*cloud).double(), expected, rtol=1e-3, atol=1e-4)


def test_official_sizes_are_the_default(tmp_path):
    with torch.device("meta"):
        encoder = PointEncoder("pointmae", 384, depth=12, heads=6)
    assert encoder.encoder.first_conv[0].out_features == 128
    assert encoder.encoder.second_conv[0].out_features == 512
    torch.save({"base_model": official()}, tmp_path / "small.pth")
    with pytest.raises(InputError, match=r"shape \(4, 3, 1\), wanted \(128, 3\)"):
        load_official(tmp_path / "small.pth")


def without(key):
    return {name: value for name, value in official().items() if not name.endswith(key)}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            without("blocks.2.mlp.fc1.bias"),
            r"no tensor MAE_encoder\.blocks\.blocks\.2\.mlp\.fc1\.bias",
        ),
        (
            official() | {"MAE_encoder.norm.weight": torch.ones(5)},
            r"MAE_encoder\.norm\.weight has shape \(5,\), wanted \(12,\)",
        ),
        (official("pointbert"), r"no key of 'base_model' begins with 'MAE_encoder\.'"),
        (None, r"no dictionary 'base_model', wanted the official layout"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, content, sentence):
    path = tmp_path / "weights.pth"
    torch.save({"base_model": content} if content else [1, 2], path)
    with pytest.raises(InputError, match=sentence):
        load_official(path, **SIZES)


def test_what_is_no_weights_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no\.pth: no such file, wanted detector\.weights=FILE"):
        load_official(tmp_path / "no.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(InputError, match=r"text\.pth: cannot be read as PyTorch weights"):
        load_official(tmp_path / "text.pth")


@pytest.mark.parametrize("kind", ENCODERS)
@given(seed=st.integers(0, 2**31))
@settings(max_examples=8, deadline=None)
def test_order_of_points_and_centers_decides_nothing(kind, seed):
    encoder, (points, groups, chosen) = small(kind), patched(seed=seed)
    answer = encoder(points, groups, chosen)
    assert answer.shape == (90, 36)
    inside = torch.randperm(groups.shape[1])
    torch.testing.assert_close(encoder(points, groups[:, inside], chosen), answer)
    order = torch.randperm(len(chosen))
    shuffled = encoder(points, groups[order], chosen[order])
    torch.testing.assert_close(shuffled, answer[order], rtol=1e-4, atol=1e-5)


def test_every_center_reads_every_other():
    encoder, (points, groups, chosen) = small(), patched()
    one = encoder(points, groups, chosen)
    changed = groups.clone()
    changed[0] = changed[1]
    assert ((encoder(points, changed, chosen) - one).abs().amax(dim=1) > 1e-7).all()


def test_attention_of_equal_tokens_is_their_value():
    torch.manual_seed(0)
    attention = Attention(6, 3)
    token = torch.randn(1, 1, 6)
    value = attention.proj(attention.qkv(token)[..., 12:])
    torch.testing.assert_close(attention(token.expand(2, 5, 6)), value.expand(2, 5, 6))


@pytest.mark.parametrize(("depth", "read"), [(3, [1, 2, 3]), (4, [1, 3, 4]), (12, [4, 8, 12])])
def test_layers_are_evenly_spaced(depth, read):
    encoder = small(depth=depth)
    seen = []
    for number, block in enumerate(encoder.blocks, start=1):
        block.register_forward_hook(lambda *args, n=number: seen.append((n, args[-1])))
    tokens, centers = torch.randn(1, 5, 12), torch.randn(1, 5, 3)
    found = encoder.layers(tokens, centers)
    after = dict(seen)
    for answer, number in zip(found, read, strict=True):
        torch.testing.assert_close(answer, encoder.norm(after[number]))


@pytest.mark.parametrize("sizes", [{"width": 13}, {"heads": 5}, {"depth": 2}])
def test_impossible_encoders_are_refused(sizes):
    with pytest.raises(InputError, match=str(next(iter(sizes.values())))):
        PointEncoder(**{**SIZES, **sizes})


def test_chamfer_by_hand():
    one = torch.tensor([[[0.0, 0, 0], [1, 0, 0]]])
    other = torch.tensor([[[0.0, 0, 0], [3, 0, 0], [0, 0, 1]]])
    # to the other: 0, 1; back: 0, 4, 1
    assert chamfer(one, other).item() == pytest.approx(0.5 + 5 / 3)
    assert chamfer(other, one).item() == pytest.approx(0.5 + 5 / 3)
    assert chamfer(one, one).item() == 0


def balls(seed=0):
    """Patches that are all spheres: hidden ones look like those that are seen, however turned."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(24, 40, 3, generator=generator)
    return nn.functional.normalize(points, dim=2), torch.rand(24, 3, generator=generator)


@pytest.mark.parametrize("kind", ENCODERS)
def test_pretraining_learns_and_repeats_itself(kind):
    one, other = small(kind), small(kind)
    torch.manual_seed(1)
    losses = pretrain(one, [balls(0), balls(1)], steps=40, rng=np.random.default_rng(5))
    torch.manual_seed(2)  # only the generator decides
    assert pretrain(other, [balls(0), balls(1)], steps=40, rng=np.random.default_rng(5)) == losses
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert not one.training and not any(part.requires_grad for part in one.parameters())


def test_pretraining_takes_the_fewest_patches():
    tiny = [(torch.randn(2, TARGET // 4, 3), torch.randn(2, 3))]
    assert np.isfinite(pretrain(small(), tiny, steps=2, rng=np.random.default_rng(0))).all()
    assert pretrain(small(), tiny, steps=0, rng=np.random.default_rng(0)) == []
