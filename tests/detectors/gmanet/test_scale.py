"""Neighborhoods have the size of those of the normal clouds, however a part was scanned."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.detectors.gmanet.context_layout import PARTS
from gmanet.detectors.gmanet.descriptors import describe
from gmanet.detectors.gmanet.scale import SLACK, SMOOTHING, Scale, within

POINTS = 2048


@pytest.fixture(scope="module")
def sheet():
    """Points of a wavy sheet, ten by ten."""
    rng = np.random.default_rng(0)
    pos = rng.uniform(-5, 5, (4000, 3))
    pos[:, 2] = np.sin(pos[:, 0]) + 0.002 * rng.normal(size=len(pos))
    return pos.astype(np.float32)


@pytest.fixture(scope="module")
def scale(sheet):
    return Scale.of([sheet], POINTS)


def reach(made):
    """Return the largest distance of a center to the points of its group."""
    center = made.points[: len(made.groups)]
    return np.linalg.norm(made.points[made.groups] - center[:, None], axis=2).max(axis=1)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])
def test_neighborhoods_of_sparse_scans_are_not_larger(sheet, scale, share):
    pos = sheet[np.random.default_rng(1).random(len(sheet)) < share]
    made = describe(pos, POINTS, centers=256, scale=scale)
    inner = np.abs(made.points[: len(made.groups), :2]).max(axis=1) < 3
    assert (reach(made)[inner] <= SLACK * scale.pool_radius).mean() > 0.98
    free = reach(describe(pos, POINTS, centers=256))
    if share < 0.5:
        assert np.median(free) > 1.2 * np.median(reach(made)[inner])


def test_a_part_of_a_scan_has_as_many_centers_as_it_has_surface(sheet, scale):
    whole = describe(sheet, POINTS, centers=256, scale=scale)
    half = describe(sheet[sheet[:, 0] < 0], POINTS, centers=256, scale=scale)
    assert len(half.coarse) == pytest.approx(len(whole.coarse) / 2, rel=0.1)
    assert len(half.context) == pytest.approx(len(whole.context) / 2, rel=0.1)


def test_flying_points_have_no_descriptor_and_the_score_of_the_surface(sheet, scale):
    rng = np.random.default_rng(2)
    flying = np.append(rng.uniform(-5, 5, (20, 2)), rng.uniform(3, 6, (20, 1)), axis=1)
    made = describe(
        np.concatenate([sheet, flying]).astype(np.float32), POINTS, centers=256, scale=scale
    )
    assert made.chosen.max() < len(sheet)
    assert len(made.near) == len(sheet) + 20


def test_rims_are_told_from_the_middle(sheet, scale):
    made = describe(sheet, POINTS, centers=1024, scale=scale)
    center = np.abs(made.points[: len(made.context), :2]).max(axis=1)
    rim = made.context[:, PARTS["rims"][0]]
    assert np.median(rim[center > 4.9]) > 3 * np.median(rim[center < 4])


def test_neighbors_beyond_the_radius_are_replaced_by_nearer_ones():
    distance = np.array([[0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9]] * 2, dtype=np.float32)
    index = np.arange(20).reshape(2, 10)
    assert np.array_equal(within(distance, index, radius=100), index)
    found = within(distance, index, radius=8.1)
    assert found.shape == index.shape
    assert set(found[0]) == set(range(9))
    assert (np.diff(found[0]) >= 0).all()
    assert set(within(distance, index, radius=0.1)[0]) == set(range(8))  # never fewer


def test_support_covers_what_coarse_points_cover(scale):
    assert scale.support_of(1) == 1
    assert scale.support_of(24) == round(24 * scale.support)
    assert scale.support_of(10**6) == SMOOTHING[1]
