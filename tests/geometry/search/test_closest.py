"""The nearest point by cells against all distances, on the surface and far from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.geometry.search.closest import Closest


@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 300),
    st.sampled_from([0.01, 0.3, 3.0, 100.0]),
    st.sampled_from([0.01, 0.1, 10.0]),
)
@settings(max_examples=60, deadline=None)
def test_equals_the_least_of_all_distances(seed, count, spread, spacing):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 3)) * rng.choice([0.0, 1.0], 3)  # also flat, or in a line
    points += 1e-3 * rng.normal(size=points.shape)
    places = spread * rng.normal(size=(4, 9, 3))
    found = Closest(points, spacing)(places)
    away = np.linalg.norm(places[:, :, None] - points, axis=3)
    least = np.take_along_axis(away, found[:, :, None], axis=2)[:, :, 0]
    np.testing.assert_allclose(least, away.min(axis=2), rtol=1e-12)


def test_a_point_is_nearest_to_itself():
    points = np.random.default_rng(0).random((2000, 3)) * [1, 1, 0]
    np.testing.assert_array_equal(Closest(points, 0.02)(points), np.arange(2000))


def test_most_places_need_no_tree(monkeypatch):
    points = np.random.default_rng(0).random((2000, 3)) * [1, 1, 0]
    search = Closest(points, 0.02)
    monkeypatch.setattr(search, "_tree", None)
    search(points + 0.02)
    with pytest.raises(AttributeError):
        search(points + 10)
