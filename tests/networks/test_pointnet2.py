"""PointNet++: its size, its hierarchy, and what its features do and do not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch.nn.functional import cross_entropy
from torch_geometric.data import Batch
from torch_geometric.nn import PointNetConv

from gmanet.geometry.neighbors import farthest_points
from gmanet.networks.pointnet2.hierarchy import make_hierarchy
from gmanet.networks.pointnet2.layout import LAYOUTS, MSG, SSG
from gmanet.networks.pointnet2.network import (
    PointNet2,
    Segmenter,
    SetAbstraction,
    estimate_statistics,
    shared_mlp,
)

NARROW = {name: layout.scaled(width=0.25) for name, layout in LAYOUTS.items()}


def surface(count, seed=0):
    """Points of a bent sheet about as large as the radii want it."""
    rng = np.random.default_rng(seed)
    pos = rng.uniform(-1, 1, (count, 3))
    pos[:, 2] = 0.3 * np.sin(3 * pos[:, 0]) + 0.2 * pos[:, 1] ** 2
    return torch.from_numpy(pos.astype(np.float32))


def assert_equal(found, wanted, tolerance=1e-5):
    """Features are equal, measured by the largest of them."""
    assert (found - wanted).abs().max() <= tolerance * wanted.abs().max()


def network(layout, channels, seed=0):
    """A network in eval mode whose batch normalization has seen a cloud."""
    torch.manual_seed(seed)
    made = PointNet2(layout, channels).eval()
    pos = surface(700, 99)
    x = torch.randn(len(pos), channels) if channels else None
    estimate_statistics(made, iter([(x, make_hierarchy(pos, layout))]))
    return made


@pytest.mark.parametrize(("layout", "parameters"), [(SSG, 965_101), (MSG, 3_026_829)])
def test_parameters_of_the_reference_segmentation_networks(layout, parameters):
    """S3DIS: 13 classes, 6 input channels; the reference counts .965M and 3.027M."""
    made = Segmenter(layout, channels=6, classes=13)
    assert sum(weight.numel() for weight in made.parameters()) == parameters


@pytest.mark.parametrize("name", ["ssg", pytest.param("msg", marks=pytest.mark.slow)])
def test_a_cloud_is_overfitted(name):
    torch.manual_seed(0)
    pos = surface(900)
    label = ((5 * pos[:, 0]).floor() % 2 == 0).long()  # stripes of a fifth
    hierarchy = make_hierarchy(pos, LAYOUTS[name])
    made = Segmenter(NARROW[name], channels=3, classes=2)
    made.head[3].p = 0.0
    optimizer = torch.optim.Adam(made.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=150)
    for _ in range(150):
        optimizer.zero_grad()
        cross_entropy(made(pos, hierarchy), label).backward()
        optimizer.step()
        schedule.step()
    estimate_statistics(made.eval(), iter([(pos, hierarchy)]))
    assert (made(pos, hierarchy).argmax(dim=1) == label).float().mean() > 0.95


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("channels", [0, 3])
def test_the_order_of_the_points_does_not_matter(name, channels):
    made = network(NARROW[name], channels)
    pos = surface(500, 1)
    order = torch.randperm(500)
    whole, mixed = (
        made(part if channels else None, make_hierarchy(part, LAYOUTS[name]))
        for part in (pos, pos[order])
    )
    assert whole.shape == (500, NARROW[name].features)
    assert_equal(mixed, whole[order])


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_company_in_a_batch_does_not_matter(name):
    made = network(NARROW[name], 3)
    clouds = [surface(count, count) for count in (300, 70, 411)]
    hierarchies = [make_hierarchy(pos, LAYOUTS[name]) for pos in clouds]
    batch = Batch.from_data_list(hierarchies)
    together = made(batch.pos0, batch).split([len(pos) for pos in clouds])
    for pos, hierarchy, found in zip(clouds, hierarchies, together, strict=True):
        assert_equal(found, made(pos, hierarchy))


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_finest_levels_are_those_of_the_whole_network(name, levels):
    whole, layout = NARROW[name], NARROW[name].finest(levels)
    made = network(layout, 3)
    pos = surface(400)
    hierarchy = make_hierarchy(pos, layout)
    assert f"pos{levels}" in hierarchy and f"pos{levels + 1}" not in hierarchy
    assert made(torch.randn(400, 3), hierarchy).shape == (400, whole.features)
    theirs = {key: part.shape for key, part in network(whole, 3).abstractions.state_dict().items()}
    ours = {key: part.shape for key, part in made.abstractions.state_dict().items()}
    assert ours == {key: shape for key, shape in theirs.items() if int(key[0]) < levels}
    assert whole.finest(len(whole.levels)) == whole


def test_features_of_relative_coordinates_are_those_of_the_shifted_cloud():
    made, pos = network(NARROW["ssg"], 0), surface(500, 1)
    shifted = pos + torch.tensor([3.0, -2.0, 1.0])
    before, after = (made(None, make_hierarchy(part, SSG)) for part in (pos, shifted))
    assert_equal(after, before, 1e-3)  # coordinates three times as large are as much coarser


def test_features_of_a_turned_cloud_differ_but_its_hierarchy_does_not():
    turn = torch.from_numpy(Rotation.random(random_state=0).as_matrix()).float()
    pos = surface(500, 1)
    before, after = make_hierarchy(pos, MSG), make_hierarchy(pos @ turn.T, MSG)
    for key in before.to_dict():
        if key.startswith(("group", "near")):
            same = before[key] == after[key]
            assert same.float().mean() > 0.999, key
    made = network(NARROW["msg"], 0)
    assert (made(None, before) - made(None, after)).abs().max() > 0.01


@given(st.integers(64, 400), st.integers(0, 2**31), st.sampled_from(sorted(LAYOUTS)))
@settings(max_examples=8, deadline=None)
def test_groups_and_weights_are_those_of_brute_force(count, seed, name):
    layout = LAYOUTS[name]
    hierarchy = make_hierarchy(surface(count, seed), layout)
    finer = hierarchy.pos0
    order = torch.from_numpy(farthest_points(finer.numpy(), count))
    for number, scales in enumerate(layout.levels, start=1):
        coarser = hierarchy[f"pos{number}"]
        assert len(coarser) == -(-len(finer) // 4)
        distance = (coarser[:, None] - finer).square().sum(dim=2)
        rank = order if number == 1 else torch.arange(len(finer))  # farthest point sampling
        for place, scale in enumerate(scales):
            group = hierarchy[f"group{number}_{place}"]
            for row, found in enumerate(group):
                inside = [int(at) for at in rank if distance[row, at] <= scale.radius**2]
                inside = inside[: scale.neighbors]
                missing = scale.neighbors - len(inside)
                assert found.tolist() == inside + inside[:1] * missing
        near, weight = hierarchy[f"near{number}"], hierarchy[f"weight{number}"]
        best = distance.T.topk(min(3, len(coarser)), largest=False).values.sqrt()
        found = distance.T.gather(1, near)[:, : best.shape[1]].sqrt()
        torch.testing.assert_close(found, best, atol=1e-6, rtol=0)
        torch.testing.assert_close(weight.sum(dim=1), torch.ones(len(finer)))
        assert (weight.diff(dim=1) <= 1e-6).all()  # the nearest weighs most
        finer = coarser


def test_the_maximum_is_that_of_message_passing():
    torch.manual_seed(0)
    pos, x = surface(200), torch.randn(200, 5)
    hierarchy = make_hierarchy(pos, SSG)
    level = SetAbstraction(5, [[8, 6]]).eval()
    groups = [hierarchy.group1_0]
    found = level(x, pos, hierarchy.pos1, groups)
    plain = PointNetConv(shared_mlp(8, 8, 6), add_self_loops=False).eval()
    plain.local_nn.load_state_dict(level.convolutions[0].local_nn.state_dict())
    targets = torch.arange(50).repeat_interleave(32)
    edges = torch.stack([groups[0].flatten(), targets])[:, torch.randperm(50 * 32)]
    torch.testing.assert_close(plain((x, None), (pos, hierarchy.pos1), edges), found)


def test_statistics_are_estimated_and_weights_stay():
    torch.manual_seed(0)
    made = PointNet2(NARROW["ssg"], 3).eval()
    before = {name: weight.clone() for name, weight in made.named_parameters()}
    inputs = [(pos, make_hierarchy(pos, SSG)) for pos in (surface(300), surface(300, 1))]
    estimate_statistics(made, iter(inputs))
    first = made.abstractions[0].convolutions[0].local_nn
    edges = []
    for pos, hierarchy in inputs:
        group = hierarchy.group1_0
        offset = pos[group] - hierarchy.pos1[:, None]
        edges.append(first[0](torch.cat([pos[group], offset], dim=2)).flatten(0, 1))
    mean = torch.stack([edge.mean(dim=0) for edge in edges]).mean(dim=0)
    torch.testing.assert_close(first[1].running_mean, mean, atol=1e-5, rtol=1e-4)
    assert not made.training
    assert all(layer.momentum == 0.1 for layer in made.modules() if hasattr(layer, "momentum"))
    assert all(torch.equal(weight, before[name]) for name, weight in made.named_parameters())
