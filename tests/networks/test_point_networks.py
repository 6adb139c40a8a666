"""PTv1, PointNeXt and PointVector: their sizes and levels, and what answers do not depend on."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch_geometric.data import Batch

from gmanet.networks.levels import Level, Search, make_levels, offsets_to
from gmanet.networks.pointnext import PointNeXt, next_levels
from gmanet.networks.pointvector import PointVector
from gmanet.networks.ptv1 import PointTransformer, transformer_levels

RADIUS = 0.2
BALLS = partial(next_levels, radius=RADIUS, levels=3, below=12, within=8)
SMALL = {
    PointTransformer: (
        {"widths": (8, 16, 32), "blocks": (1, 1, 1), "shared": 4},
        partial(transformer_levels, neighbors=(6, 8, 8)),
    ),
    PointNeXt: ({"radius": RADIUS, "widths": (8, 16, 32), "blocks": (1, 2)}, BALLS),
    PointVector: ({"radius": RADIUS, "widths": (8, 16, 32), "blocks": (1, 2)}, BALLS),
}
networks = pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.__name__)


def surface(count, seed=0):
    """Points of a bent sheet."""
    rng = np.random.default_rng(seed)
    pos = rng.uniform(-1, 1, (count, 3))
    pos[:, 2] = 0.3 * np.sin(3 * pos[:, 0]) + 0.2 * pos[:, 1] ** 2
    return torch.from_numpy(pos.astype(np.float32))


def made(kind, seed=0):
    """A small network in eval mode whose batch normalization has seen a cloud, and its levels."""
    torch.manual_seed(seed)
    sizes, levels = SMALL[kind]
    network = kind(3, 2, **sizes)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm1d):
            layer.momentum = 1.0
    pos = surface(400, 99)
    network(pos, levels(pos))
    return network.eval(), levels


@pytest.mark.parametrize(
    ("kind", "channels", "parameters"),
    [(PointTransformer, 6, 7_767_729), (PointNeXt, 4, 7_125_069), (PointVector, 4, 4_215_245)],
)
def test_parameters_of_the_reference_networks(kind, channels, parameters):
    """S3DIS: 13 classes; color and coordinates, or color and height.

    The references count 7.768M, 7.125M and 4.2M.
    """
    with torch.device("meta"):
        network = kind(channels, 13)
    assert sum(weight.numel() for weight in network.parameters()) == parameters


@pytest.mark.slow
@networks
def test_a_cloud_is_overfitted(kind):
    torch.manual_seed(0)
    sizes, levels = SMALL[kind]
    network, pos = kind(3, 2, **sizes), surface(400)
    label, structure = ((4 * pos[:, 0]).floor() % 2 == 0).long(), levels(pos)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        answer = network(pos, structure)
        cross_entropy(answer, label).backward()
        optimizer.step()
    assert (answer.argmax(dim=1) == label).float().mean() > 0.95


@networks
def test_the_order_of_the_points_does_not_matter(kind):
    network, levels = made(kind)
    pos, order = surface(300, 1), torch.randperm(300)
    answer = network(pos, levels(pos))
    assert answer.shape == (300, 2)
    mixed = network(pos[order], levels(pos[order]))
    torch.testing.assert_close(mixed, answer[order], atol=1e-5, rtol=1e-4)


@networks
def test_the_company_in_a_batch_does_not_matter(kind):
    network, levels = made(kind)
    clouds = [surface(count, count) for count in (150, 40, 211)]
    batch = Batch.from_data_list([levels(pos) for pos in clouds])
    together = network(torch.cat(clouds), batch).split([len(pos) for pos in clouds])
    for pos, found in zip(clouds, together, strict=True):
        torch.testing.assert_close(found, network(pos, levels(pos)), atol=1e-5, rtol=1e-4)


@networks
def test_few_points_have_answers(kind):
    network, levels = made(kind)
    pos = surface(5)
    assert torch.isfinite(network(pos, levels(pos))).all()


def test_neighborhoods_are_those_of_brute_force():
    pos = surface(120)
    near, ball = Search(count=7), Search(count=9, radius=0.5)
    found = make_levels(pos, [Level(within=near), Level(within=ball, below=near)])
    assert len(found.pos1) == 30
    distance = torch.cdist(pos, pos)
    wanted = distance.topk(7, largest=False).values
    torch.testing.assert_close(distance.gather(1, found.within0), wanted, atol=1e-6, rtol=0)
    below = torch.cdist(found.pos1, pos)
    torch.testing.assert_close(
        below.gather(1, found.below1), below.topk(7, largest=False).values, atol=1e-6, rtol=0
    )
    inside = torch.cdist(found.pos1, found.pos1) <= 0.5
    for row, members in enumerate(found.within1):
        first = inside[row].nonzero().flatten()[:9]  # in the order of farthest point sampling
        assert members.unique().tolist() == first.tolist()
    offset = offsets_to(found, "below", number=1)
    torch.testing.assert_close(offset + found.pos1[:, None], pos[found.below1])
