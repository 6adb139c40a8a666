"""Geometry-aware sampling: denser where the surface changes, whatever the order of the points."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.detectors.imrnet.sampling import CHANGING, aware_points, surface_change
from gmanet.geometry.neighbors import nearest


def ridge(count=4000, seed=0):
    """A plate of side 2 that bends sharply at ``x = 0``."""
    pos = np.random.default_rng(seed).uniform(-1, 1, (count, 3))
    pos[:, 2] = -np.abs(pos[:, 0])
    return pos.astype(np.float32)


def test_change_is_none_on_a_plane_and_greatest_at_an_edge(plate):
    flat = plate(1000).pos
    assert surface_change(flat, nearest(flat, flat, count=24)[1]).max() < 1e-3
    pos = ridge()
    change = surface_change(pos, nearest(pos, pos, count=24)[1])
    beside = np.abs(pos[:, 0])
    assert change[beside < 0.05].min() > 10 * change[beside > 0.4].max()


def test_change_has_no_unit_and_no_pose(moved):
    pos = ridge(1500)
    one = surface_change(pos, nearest(pos, pos, count=24)[1])
    turned = (7 * moved(pos, 3)).astype(np.float32)
    other = surface_change(turned, nearest(turned, turned, count=24)[1])
    np.testing.assert_allclose(other, one, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_an_edge_is_sampled_more_densely(share):
    pos = ridge()
    chosen = aware_points(pos, 600, share=share)
    edge = np.abs(pos[:, 0]) < 0.1
    density = edge[chosen].sum() / edge.sum(), (~edge)[chosen].sum() / (~edge).sum()
    assert density[0] > 1.5 * density[1]
    even = aware_points(pos, 600, share=CHANGING)
    assert edge[even].sum() < edge[chosen].sum()


def test_a_bump_is_sampled_more_densely_than_the_plate(bumped_plate):
    cloud = bumped_plate(4000, 1)
    chosen = aware_points(cloud.pos, 800, share=0.5)
    assert cloud.label[chosen].mean() > 1.3 * cloud.label.mean()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_order_of_points_decides_nothing(bumped_plate, seed):
    pos = bumped_plate(1500, seed).pos
    chosen = aware_points(pos, 400, share=0.5)
    assert np.array_equal(chosen, aware_points(pos, 400, share=0.5))
    assert len(set(chosen)) == 400
    order = np.random.default_rng(seed).permutation(len(pos))
    shuffled = order[aware_points(pos[order], 400, share=0.5)]
    assert len(set(shuffled) & set(chosen)) >= 396  # rounding may swap points at the threshold


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 60, 100, 500])
def test_there_are_as_many_as_wanted(plate, share, count):
    for pos in (plate(100).pos, np.repeat(plate(10).pos, 10, axis=0)):
        chosen = aware_points(pos, count, share=share)
        assert len(chosen) == min(count, 100)
        assert chosen.min() >= 0 and chosen.max() < 100
