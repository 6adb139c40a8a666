"""Neighbors against brute force, sampling against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.geometry.neighbors import farthest_points, interpolation, inverse_distance, nearest

seeds = st.integers(0, 2**32 - 1)


def points(seed, count):
    return np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)


@given(seeds, st.integers(1, 60), st.integers(1, 20), st.integers(1, 70))
@settings(max_examples=60, deadline=None)
def test_nearest_is_brute_force(seed, count, queries, wanted):
    pos, query = points(seed, count), points(seed + 1, queries)
    distance, index = nearest(pos, query, count=wanted)
    exact = np.linalg.norm(pos[None].astype(np.float64) - query[:, None], axis=2)
    found = min(wanted, count)
    assert distance.shape == index.shape == (queries, wanted)
    assert (distance.dtype, index.dtype) == (np.float32, np.int64)
    np.testing.assert_allclose(distance[:, :found], np.sort(exact, axis=1)[:, :found], rtol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(exact, index, axis=1), distance, rtol=1e-5)
    assert all(len(set(row)) == found for row in index)
    assert (index[:, found:] == index[:, found - 1 : found]).all()


def test_threads_change_nothing():
    pos = points(0, 500)
    one, two = nearest(pos, pos, count=5), nearest(pos, pos, count=5, workers=2)
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])


def test_farthest_points_by_hand():
    pos = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [10, 0, 0], [6, 0, 0]], np.float32)
    assert farthest_points(pos, 5).tolist() == [3, 0, 4, 2, 1]
    assert farthest_points(pos, 9).tolist() == [3, 0, 4, 2, 1]


def test_coinciding_points_are_sampled_too():
    pos = np.repeat(points(0, 100), 10, axis=0)
    chosen = farthest_points(pos, 1000)
    assert (chosen < 1000).all()
    assert set(chosen[:100] // 10) == set(range(100))


@given(seeds, st.integers(20, 500))
@settings(max_examples=20, deadline=None)
def test_each_choice_is_the_farthest_and_a_prefix_is_a_sampling(seed, count):
    pos = points(seed, count)
    chosen = farthest_points(pos, count)
    assert sorted(chosen) == list(range(count))
    np.testing.assert_array_equal(farthest_points(pos, count // 3 + 1), chosen[: count // 3 + 1])
    gap = np.linalg.norm(pos - pos.mean(axis=0), axis=1)
    for turn, row in enumerate(chosen):
        assert gap[row] > gap.max() - 1e-5
        reach = np.linalg.norm(pos - pos[row], axis=1)
        gap = np.minimum(gap, reach) if turn else reach


@pytest.mark.parametrize("seed", range(5))
def test_a_shuffled_cloud_chooses_the_same_points(seed):
    pos = points(seed, 800)
    order = np.random.default_rng(seed).permutation(800)
    chosen = farthest_points(pos, 200)
    np.testing.assert_array_equal(order[farthest_points(pos[order], 200)], chosen)


@given(st.lists(st.floats(0, 1e6, width=32), min_size=3, max_size=3))
def test_weights_sum_to_one_and_the_nearest_counts_most(distance):
    distance = np.sort(np.array([distance], np.float32))
    weight = inverse_distance(distance)
    assert np.isfinite(weight).all()
    assert weight.sum() == pytest.approx(1, abs=1e-6)
    assert (np.diff(weight) <= 1e-7).all()


def test_weights_by_hand():
    np.testing.assert_allclose(
        inverse_distance(np.array([[1, 2, 2]], np.float32)), [[4, 1, 1]] / np.float32(6)
    )
    np.testing.assert_allclose(
        inverse_distance(np.array([[0, 1, 2]], np.float32)), [[1, 0, 0]], atol=1e-6
    )
    assert inverse_distance(np.zeros((2, 3), np.float32)).tolist() == pytest.approx(
        np.full((2, 3), 1 / 3)
    )


def test_interpolation_weighs_the_three_nearest_points():
    rng = np.random.default_rng(3)
    pos, query = rng.random((2, 40, 3), dtype=np.float32)
    distance, index = nearest(pos, query, count=3)
    near, weight = interpolation(pos, query)
    np.testing.assert_array_equal(near, index)
    np.testing.assert_array_equal(weight, inverse_distance(distance))
