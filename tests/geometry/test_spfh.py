"""Descriptors: known answers, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.geometry.neighbors import nearest
from gmanet.geometry.spfh import BINS, HISTOGRAM, local_frame, pooled, spfh

seeds = st.integers(0, 2**32 - 1)


def ring_of(pos, count=16):
    return nearest(pos, pos, count=count + 1)[1][:, 1:]


def both(pos, normal, ring):
    arguments = (pos, normal, pos, normal, ring)
    return spfh(*arguments), local_frame(*arguments)


@pytest.fixture
def ball(sphere):
    """Points, normals and neighbors of a crumpled sphere, which has no symmetric places."""
    cloud = sphere(400)
    pos = cloud.pos * np.random.default_rng(1).uniform(0.95, 1.05, (400, 1)).astype(np.float32)
    return pos, cloud.normal, ring_of(pos)


def test_a_plane_is_all_zero_angles(plate):
    pos = plate(300).pos
    normal = np.tile(np.float32([0, 0, 1]), (300, 1))
    histogram, local = both(pos, normal, ring_of(pos))
    expected = np.zeros(HISTOGRAM)
    expected[[BINS // 2, BINS + BINS // 2, 2 * BINS]] = 1
    np.testing.assert_allclose(histogram, np.tile(expected, (300, 1)), atol=1e-3)
    height, tangent, reach, here, there, turn = local.transpose(2, 0, 1)
    for angle in (height, here, there, turn):
        np.testing.assert_allclose(angle, 0, atol=1e-3)
    np.testing.assert_allclose(tangent, reach, atol=1e-5)
    np.testing.assert_allclose(np.median(reach, axis=1), 1, atol=1e-5)


def test_a_right_angle_fills_the_last_bin():
    pos = np.float32([[0, 0, 0], [1, 0, 0]])
    normal = np.float32([[0, 0, 1], [0, 1, 0]])
    histogram = spfh(
        pos, normal, query=pos[:1], query_normal=normal[:1], neighbors=np.array([[1]])
    )[0]
    assert np.flatnonzero(histogram > 0.99).tolist() == [BINS // 2, BINS + BINS // 2, 3 * BINS - 1]


def test_a_neighbor_straight_above_fills_the_outer_bins():
    pos = np.float32([[0, 0, 0], [0, 0, 1], [0, 0, 2]])
    normal = np.tile(np.float32([0, 0, 1]), (3, 1))
    here = spfh(pos, normal, query=pos[:1], query_normal=normal[:1], neighbors=np.array([[1, 2]]))[
        0, :BINS
    ]
    assert here[-1] == pytest.approx(1)


def test_angles_on_a_sphere(sphere):
    cloud = sphere(2000)
    local = both(cloud.pos, cloud.normal, ring_of(cloud.pos))[1]
    here, there, turn = local[:, :, 3], local[:, :, 4], local[:, :, 5]
    np.testing.assert_allclose(here, -there, atol=1e-4)  # both ends of a chord look alike
    np.testing.assert_allclose(turn**2, 2 * here**2, atol=1e-4)  # 1 - cos(2a) = 2 sin(a)^2


def test_each_angle_has_mass_one(ball):
    histogram, _ = both(*ball)
    assert histogram.shape == (400, HISTOGRAM)
    np.testing.assert_allclose(histogram.sum(axis=1), 3, atol=1e-5)
    np.testing.assert_allclose(histogram.reshape(400, 3, BINS).sum(axis=2), 1, atol=1e-5)
    assert (histogram >= 0).all()


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_the_signs_of_normals_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    pos = rng.normal(size=(100, 3)).astype(np.float32)
    normal = rng.normal(size=(100, 3)).astype(np.float32)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    ring, sign = ring_of(pos, 8), rng.choice([-1, 1], (100, 1)).astype(np.float32)
    for one, other in zip(both(pos, normal, ring), both(pos, normal * sign, ring), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_a_rigid_motion_and_a_scale_change_nothing(sphere, moved, seed):
    cloud = sphere(300, 2)
    pos = cloud.pos * np.random.default_rng(seed).uniform(0.9, 1.1, (300, 1)).astype(np.float32)
    turned = moved(cloud.normal, seed) - moved(np.zeros((1, 3)), seed)
    ring = ring_of(pos)
    before, after = both(pos, cloud.normal, ring), both(moved(7 * pos, seed), turned, ring)
    for one, other in zip(before, after, strict=True):
        # a root warp turns float noise of 1e-6 near a zero angle into 1e-3
        np.testing.assert_allclose(one, other, atol=2e-2)
        assert np.abs(one - other).mean() < 1e-4


def test_coinciding_points_give_finite_answers():
    pos, normal = np.zeros((10, 3), np.float32), np.tile(np.float32([0, 0, 1]), (10, 1))
    histogram, local = both(pos, normal, ring_of(pos, 4))
    assert np.isfinite(histogram).all()
    assert np.isfinite(local).all()


@given(seeds, st.integers(1, 40), st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_pooling_is_mean_and_deviation(seed, queries, count):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(50, 7)).astype(np.float32)
    neighbors = rng.integers(0, 50, (queries, count))
    mean, spread = pooled(values, neighbors)
    np.testing.assert_allclose(mean, values[neighbors].mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(spread, values[neighbors].std(axis=1), atol=3e-3)
