"""The grid's neighbors against a KD-tree's, on even points and on any others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gmanet.geometry.neighbors import farthest_points, nearest
from gmanet.geometry.search.cells import bounds
from gmanet.geometry.search.grid import grid_nearest


def bumpy(rng, count):
    """Return points of a closed surface."""
    way = rng.normal(size=(count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    return (way * (1 + 0.2 * np.sin(5 * way[:, :1]))).astype(np.float32)


def clusters(rng, count):
    """Return points as unevenly spaced as can be, one of them far away."""
    pos = rng.normal(size=(count, 3)) * rng.choice([1e-3, 1.0], (count, 1)) + rng.integers(0, 3)
    pos[0] = 1000
    return pos.astype(np.float32)


def line(rng, count):
    """Return points that fill one dimension only."""
    return np.outer(rng.random(count), [1, 0, 0]).astype(np.float32)


SHAPES = [bumpy, clusters, line]


@pytest.mark.parametrize("shape", SHAPES)
@given(st.integers(0, 2**32 - 1), st.integers(300, 900), st.integers(1, 130))
@settings(max_examples=25, deadline=None)
def test_equals_the_tree(shape, seed, points, wanted):
    rng = np.random.default_rng(seed)
    pos = shape(rng, points)
    query = np.concatenate([pos[::3], rng.normal(size=(20, 3)).astype(np.float32)])
    distance, index = grid_nearest(pos, query, count=wanted)
    expected = nearest(pos, query, count=wanted)[0]
    scale = float(np.abs(pos).max())
    np.testing.assert_allclose(distance, expected, rtol=1e-5, atol=1e-6 * scale)
    exact = np.linalg.norm(pos[index] - query[:, None], axis=2)
    np.testing.assert_allclose(exact, distance, rtol=1e-4, atol=1e-6 * scale)
    assert all(len(set(row)) == len(row) for row in index)


def test_points_that_coincide():
    pos = np.repeat(bumpy(np.random.default_rng(0), 20), 30, axis=0)
    distance, index = grid_nearest(pos, pos, count=40)
    assert (distance[:, :30] == 0).all() and (distance[:, 30:] > 0).all()
    assert all(len(set(row)) == 40 for row in index)


def test_crowded_cells_are_left_to_the_tree(monkeypatch):
    rng = np.random.default_rng(2)
    pos = np.concatenate([bumpy(rng, 3000), rng.normal(size=(2000, 3)) * 1e-4]).astype(np.float32)
    monkeypatch.setattr("gmanet.geometry.search.grid.over_rows", lambda *_: pytest.fail("a grid"))
    distance, _ = grid_nearest(pos, pos, count=12)
    np.testing.assert_array_equal(distance, nearest(pos, pos, count=12)[0])


def test_threads_change_nothing():
    pos = bumpy(np.random.default_rng(1), 20000)
    kept = pos[farthest_points(pos, 4096)]
    one, two = (grid_nearest(kept, pos, count=24, workers=workers) for workers in (1, 2))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 40), st.just(3)),
        elements=st.floats(-1e3, 1e3, width=32),
    )
)
def test_bounds_are_numpy_s(pos):
    low, high = bounds(pos)
    np.testing.assert_array_equal(low, pos.min(axis=0))
    np.testing.assert_array_equal(high, pos.max(axis=0))
