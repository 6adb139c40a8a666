"""Coverage of places: distances in the spacing of a scan, areas, regions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.geometry.coverage import cover, place_areas, regions_of
from gmanet.geometry.neighbors import farthest_points


def square(count, seed):
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.random((count, 2)), np.zeros(count)]).astype(np.float32)


@pytest.mark.parametrize("count", [500, 4000])
def test_the_spacing_is_that_of_the_points(count):
    found = cover(square(count, 0), square(300, 1))
    assert np.median(found.spacing) == pytest.approx(count**-0.5, rel=0.1)
    assert np.quantile(found.distance / found.spacing, 0.99) < 2


def test_the_distance_is_that_to_the_nearest_point():
    pos, places = square(200, 0), square(50, 1)
    found = cover(pos, places)
    every = np.linalg.norm(places[:, None].astype(float) - pos[None], axis=2)
    np.testing.assert_allclose(found.distance, every.min(axis=1), rtol=1e-4)
    np.testing.assert_array_equal(found.nearest, every.argmin(axis=1))


@settings(deadline=None, max_examples=10)
@given(radius=st.floats(0.1, 0.3), seed=st.integers(0, 100))
def test_the_middle_of_a_hole_is_empty(radius, seed):
    pos = square(4000, seed)
    kept = pos[np.linalg.norm(pos[:, :2] - 0.5, axis=1) > radius]
    found = cover(kept, np.array([[0.5, 0.5, 0]], dtype=np.float32))
    assert found.distance[0] == pytest.approx(radius, abs=0.05)
    assert found.distance[0] / found.spacing[0] > 3


@settings(deadline=None, max_examples=10)
@given(edge=st.floats(0.5, 20), seed=st.integers(0, 100))
def test_areas_add_up(edge, seed):
    way = np.random.default_rng(seed).normal(size=(3000, 3))
    ball = (edge * way / np.linalg.norm(way, axis=1, keepdims=True)).astype(np.float32)
    places = ball[farthest_points(ball, 300)]
    assert place_areas(places).sum() == pytest.approx(4 * np.pi * edge**2, rel=0.1)


def test_regions_are_connected_places():
    places = np.concatenate([square(300, 0), square(300, 1) + np.float32(3)])
    found = regions_of(places, reach=0.3)
    assert len(np.unique(found[:300])) == len(np.unique(found[300:])) == 1
    assert found[0] != found[-1]
    assert len(regions_of(places[:0], reach=0.3)) == 0
