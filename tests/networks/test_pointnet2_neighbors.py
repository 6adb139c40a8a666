"""Sampling and neighbors equal brute force, by our own search and by torch-cluster."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric import typing as pyg

from gmanet.networks.pointnet2.hierarchy import make_hierarchy
from gmanet.networks.pointnet2.layout import LAYOUTS, MSG
from gmanet.networks.pointnet2.neighbors import ball, farthest, nearest, three_nearest
from gmanet.runtime.provenance import provenance

INSTALLED = pyg.WITH_TORCH_CLUSTER
WAYS = [
    pytest.param(False, id="own"),
    pytest.param(
        True,
        id="torch-cluster",
        marks=pytest.mark.skipif(not INSTALLED, reason="torch-cluster is not installed"),
    ),
]


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    monkeypatch.setattr(pyg, "WITH_TORCH_CLUSTER", request.param)
    return request.param


def points(count, seed, coinciding=False):
    generator = torch.Generator().manual_seed(seed)
    pos = torch.rand(count, 3, generator=generator)
    return torch.cat([pos[: count // 2], pos[: count - count // 2]]) if coinciding else pos


def sampled(pos):
    """Farthest point sampling by its definition, in float32 about the centroid."""
    offset = (pos.double() - pos.double().mean(dim=0)).float()
    order = [int(offset.square().sum(dim=1).argmax())]
    gap = torch.full((len(pos),), torch.inf)
    for _ in range(len(pos) - 1):
        gap = torch.minimum(gap, (offset - offset[order[-1]]).square().sum(dim=1))
        order.append(int(gap.argmax()))
    return torch.tensor(order)


@pytest.mark.parametrize("seed", range(4))
def test_sampling_is_that_of_the_definition(way, seed):
    pos = points(150, seed)
    assert torch.equal(farthest(pos), sampled(pos))


def test_coinciding_points_are_all_in_the_order_once(way):
    pos = points(100, 0, coinciding=True)
    order = farthest(pos)
    assert sorted(order.tolist()) == list(range(100))
    assert len(torch.unique(pos[order[:50]], dim=0)) == 50


@pytest.mark.parametrize("radius", [1e-3, 0.2, 5.0])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_balls_are_those_of_brute_force(way, radius, scale):
    pos = points(300, 1) * scale
    query = pos[:40]
    found = ball(pos, query, radius=radius * scale, count=16)
    distance = (query[:, None] - pos).square().sum(dim=2)
    for row in range(40):
        inside = torch.nonzero(distance[row] <= (radius * scale) ** 2)[:16, 0].tolist()
        assert found[row].tolist() == inside + inside[:1] * (16 - len(inside))


@pytest.mark.parametrize("count", [1, 3, 40])
def test_neighbors_are_those_of_brute_force(way, count):
    pos, query = points(30, 2), points(50, 3)
    distance, index = nearest(pos, query, count=count)
    assert distance.shape == index.shape == (50, count)
    reach = torch.cdist(query.double(), pos.double())
    best = reach.topk(min(count, 30), largest=False)
    torch.testing.assert_close(distance[:, :30].double(), best.values, atol=1e-6, rtol=0)
    assert torch.equal(index[:, :30], best.indices)
    assert (index[:, 30:] == index[:, 29:30]).all()


def test_weights_of_interpolation_are_inverse_squared_distances(way):
    pos, query = points(30, 2), points(50, 3)
    index, weight = three_nearest(pos, query)
    inverse = 1 / (query[:, None] - pos[index]).double().square().sum(dim=2)
    wanted = (inverse / inverse.sum(dim=1, keepdim=True)).float()
    torch.testing.assert_close(weight, wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.skipif(not INSTALLED, reason="torch-cluster is not installed")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", sorted(LAYOUTS))
@given(st.integers(64, 1500), st.integers(0, 2**31))
@settings(max_examples=8, deadline=None)
def test_hierarchies_are_equal(device, name, count, seed):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    pos = points(count, seed)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pyg, "WITH_TORCH_CLUSTER", False)
        own = make_hierarchy(pos, LAYOUTS[name])
    other = make_hierarchy(pos.to(device), LAYOUTS[name])
    for key, value in own.to_dict().items():
        found = other[key].cpu() if isinstance(value, torch.Tensor) else other[key]
        if key.startswith("weight"):
            torch.testing.assert_close(found, value, atol=1e-5, rtol=1e-4)
        else:
            assert (found == value).all() if isinstance(value, torch.Tensor) else found == value


def test_the_run_says_what_finds_neighbors(way):
    assert provenance([])["neighbors"] == ("torch-cluster" if way else "gmanet")
    make_hierarchy(points(100, 0), MSG)
