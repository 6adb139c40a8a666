"""Rigid motions: their algebra, and least squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.geometry.se3 import (
    adjoint,
    exp,
    inverse,
    log,
    moved,
    rigid_fit,
    rotated,
    rotation_about,
)

twists = st.lists(st.floats(-1.7, 1.7), min_size=6, max_size=6).map(np.array)


@given(twists)
@settings(max_examples=100, deadline=None)
def test_exp_and_log_are_inverses(twist):
    motion = exp(twist)
    np.testing.assert_allclose(motion[:3, :3] @ motion[:3, :3].T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(log(motion), twist, atol=1e-9)
    np.testing.assert_allclose(motion @ inverse(motion), np.eye(4), atol=1e-12)


@given(twists)
@settings(max_examples=50, deadline=None)
def test_half_the_twist_twice_is_the_motion(twist):
    """So that a multiple of a twist is a screw, which threads move along."""
    np.testing.assert_allclose(exp(twist / 2) @ exp(twist / 2), exp(twist), atol=1e-10)


@given(twists, twists)
@settings(max_examples=50, deadline=None)
def test_the_adjoint_takes_twists_to_another_frame(change, twist):
    motion = exp(change)
    there = motion @ exp(twist) @ inverse(motion)
    np.testing.assert_allclose(exp(adjoint(motion) @ twist), there, atol=1e-9)


@given(twists, st.integers(3, 20), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_least_squares_find_the_motion(twist, count, seed):
    rng = np.random.default_rng(seed)
    points, motion = rng.normal(size=(count, 3)), exp(twist)
    weight = rng.uniform(0.5, 2, count)
    found = rigid_fit(points, moved(motion, points), weight=weight)
    np.testing.assert_allclose(found, motion, atol=1e-6)


def test_least_squares_never_mirror():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(20, 3)) * [1, 1, 0]
    found = rigid_fit(flat, flat * [1, -1, 1])
    assert np.linalg.det(found[:3, :3]) == pytest.approx(1)
    many = rigid_fit(np.stack([flat, flat]), np.stack([flat, flat + 1]))
    np.testing.assert_allclose(many[1][:3, 3], 1, atol=1e-9)


def test_least_squares_are_the_least():
    """No small change of the motion brings noisy points nearer."""
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(2, 50, 3))
    weight = rng.uniform(0.1, 1, 50)

    def cost(motion):
        return (weight * ((moved(motion, source) - target) ** 2).sum(axis=1)).sum()

    found = rigid_fit(source, target, weight=weight)
    for twist in rng.normal(size=(40, 6)):
        assert cost(exp(1e-3 * twist) @ found) > cost(found)


def test_rotation_about_leaves_the_axis_where_it_is():
    axis, center = np.array([0.6, 0.0, 0.8]), np.array([1.0, 2.0, 3.0])
    motion = rotation_about(axis, center, angle=0.7)
    on_axis = center + np.outer([-2, 0, 5], axis)
    np.testing.assert_allclose(moved(motion, on_axis), on_axis, atol=1e-12)
    np.testing.assert_allclose(rotated(motion, axis[None])[0], axis, atol=1e-12)
    assert np.linalg.norm(log(motion)[:3]) == pytest.approx(0.7)
