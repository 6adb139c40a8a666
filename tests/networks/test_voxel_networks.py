"""SpUNet, OctFormer and OA-CNNs: their sizes, and what their answers do and do not depend on."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch_geometric.data import Batch, Data

from gmanet.networks.oacnns import OACNNs
from gmanet.networks.octformer.network import OctFormer
from gmanet.networks.octformer.windows import Windows
from gmanet.networks.sparse.voxels import Voxels
from gmanet.networks.spunet import SpUNet

SMALL = {
    SpUNet: {"stem": 8, "widths": (8, 16, 16, 8), "blocks": (1, 1, 1, 1)},
    OctFormer: {
        **{"widths": (16, 16), "blocks": (2, 1), "heads": (2, 2), "window": 8},
        **{"dilation": 2, "stem": 1, "pyramid": 16, "drop": 0.1},
    },
    OACNNs: {
        **{"stem": 8, "widths": (8, 16), "blocks": (1, 1), "up": (16, 16)},
        "cells": ((3, 6), (2, 4)),
    },
}
networks = pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.__name__)


def record(coord):
    return Data(coord=coord, num_nodes=len(coord))


def bent_sheet(edge=18, seed=0):
    """Voxels of a bent sheet in random order, and their features."""
    torch.manual_seed(seed)
    place = torch.cartesian_prod(torch.arange(edge), torch.arange(edge + seed))
    height = (3 + 3 * torch.sin(place[:, 0] / 3) + place[:, 1] / 4).long()
    coord = torch.cat([place, height[:, None]], dim=1)[torch.randperm(len(place))]
    return torch.cat([coord / 10, torch.randn(len(coord), 1)], dim=1), record(coord)


def made(kind, seed=0):
    """A small network in eval mode whose batch normalization has seen a cloud."""
    torch.manual_seed(seed)
    network = kind(4, 2, **SMALL[kind])
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm1d):
            layer.momentum = 1.0
    network(*bent_sheet(20, 5))
    return network.eval()


@pytest.mark.parametrize(
    ("kind", "channels", "classes", "parameters"),
    [
        (SpUNet, 6, 13, 39_157_165),
        (OctFormer, 6, 20, 44_004_020),
        (OACNNs, 9, 20, 51_494_484),
    ],
)
def test_parameters_of_the_reference_networks(kind, channels, classes, parameters):
    """S3DIS: color and coordinates, 13 classes; ScanNet: 20 classes.

    The references count 39.16M, 44.0M and 51.49M.
    """
    with torch.device("meta"):
        network = kind(channels, classes)
    assert sum(weight.numel() for weight in network.parameters()) == parameters


@pytest.mark.slow
@networks
def test_a_cloud_is_overfitted(kind):
    torch.manual_seed(1)
    network = kind(4, 2, **SMALL[kind])
    x, structure = bent_sheet(14)
    label = ((structure.coord[:, 0] % 6) < 3).long()
    structure = Voxels.of(structure)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.02)
    for _ in range(25):
        optimizer.zero_grad()
        answer = network(x, structure)
        cross_entropy(answer, label).backward()
        optimizer.step()
    assert (answer.argmax(dim=1) == label).float().mean() > 0.95


@networks
def test_the_order_of_the_voxels_does_not_matter(kind):
    network = made(kind)
    x, structure = bent_sheet()
    order = torch.randperm(len(x))
    answer = network(x, structure)
    assert answer.shape == (len(x), 2)
    mixed = network(x[order], record(structure.coord[order]))
    torch.testing.assert_close(mixed, answer[order], atol=1e-5, rtol=1e-4)


@networks
def test_the_company_in_a_batch_does_not_matter(kind):
    network = made(kind)
    clouds = [bent_sheet(edge, seed) for edge, seed in ((12, 0), (5, 1), (17, 2))]
    batch = Batch.from_data_list([structure for _, structure in clouds])
    together = network(torch.cat([x for x, _ in clouds]), batch)
    for (x, structure), found in zip(
        clouds, together.split([len(x) for x, _ in clouds]), strict=True
    ):
        torch.testing.assert_close(found, network(x, structure), atol=1e-5, rtol=1e-4)


@networks
def test_single_voxels_have_answers(kind):
    network = made(kind)
    structure = record(torch.tensor([[0, 0, 0]]))
    assert torch.isfinite(network(torch.randn(1, 4), structure)).all()


@pytest.mark.parametrize("dilation", [1, 2])
def test_windows_hold_voxels_of_one_cloud_in_morton_order(dilation):
    clouds = [bent_sheet(edge, seed)[1] for edge, seed in ((9, 0), (4, 1))]
    voxels = Voxels.of(Batch.from_data_list(clouds))
    windows = Windows(voxels, 8, dilation=2)
    number = torch.arange(len(voxels))[:, None] + 1
    place = windows.split(number, dilation)[:, :, 0]
    assert torch.equal(windows.merge(windows.split(number, dilation), dilation), number)
    offset, empty = windows.offsets(dilation)
    assert torch.equal(empty, place == 0)
    rank = torch.empty(len(voxels) + 1, dtype=torch.int64)
    rank[voxels.z_order + 1] = torch.arange(len(voxels))
    for row, window in enumerate(place):
        members = window[window > 0]
        assert len(voxels.cloud[members - 1].unique()) <= 1
        assert (rank[members].diff() == dilation).all()
        own = voxels.coord[members - 1]
        found = offset[row, : len(members), : len(members)]
        assert torch.equal(found, own[:, None] - own[None])


def test_blocks_are_skipped_in_training_only():
    torch.manual_seed(0)
    network = OctFormer(4, 2, **{**SMALL[OctFormer], "drop": 0.9})
    x, structure = bent_sheet(8)
    answers = [network(x, structure) for _ in range(6)]
    assert any(not torch.equal(answers[0], other) for other in answers[1:])
    network.eval()
    assert torch.equal(network(x, structure), network(x, structure))
