"""Fast and robust ICP, its acceleration, and points against planes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from gmanet.geometry.se3 import exp, log, moved
from gmanet.turntable.anderson import Anderson
from gmanet.turntable.fricp import FINEST, PointPairs, Schedule, fricp
from gmanet.turntable.point_to_plane import PlanePairs
from gmanet.turntable.view import View


def bent(count, seed):
    """Points of a surface that no motion leaves in itself."""
    x, y = np.random.default_rng(seed).uniform(-1, 1, (2, count))
    return np.column_stack([x, 0.7 * y, 0.3 * np.sin(4 * x) + 0.3 * np.cos(5 * y) + 0.2 * x * y])


def start(seed, angle=0.12, shift=0.06):
    rng = np.random.default_rng(seed)
    twist = rng.normal(size=6)
    return exp(
        np.concatenate(
            [
                angle * twist[:3] / np.linalg.norm(twist[:3]),
                shift * twist[3:] / np.linalg.norm(twist[3:]),
            ]
        )
    )


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_anderson_solves_a_linear_iteration_in_few_steps(seed, size):
    """With as much memory as dimensions it is a Krylov method: exact after one step more."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(size, size)))[0]
    matrix = basis @ np.diag(rng.uniform(-0.9, 0.9, size)) @ basis.T
    target = rng.normal(size=size)
    fast, point = Anderson(size), np.zeros(size)
    for _ in range(size + 2):
        point = fast.next(point, matrix @ point + target)
    solution = np.linalg.solve(np.eye(size) - matrix, target)
    np.testing.assert_allclose(point, solution, atol=1e-5 * (1 + np.abs(solution).max()))


@pytest.mark.parametrize("seed", range(4))
def test_equal_clouds_are_registered_on_each_other(seed):
    cloud = bent(800, 0)
    motion = start(seed)
    found = fricp(
        PointPairs(cloud, cKDTree(cloud)),
        motion,
        radius=1.0,
        schedule=Schedule(finest=0.01, still=1e-7),
    )
    assert found.settled
    np.testing.assert_allclose(found.motion, np.eye(4), atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_a_fifth_of_outliers_does_not_pull(seed):
    source, target = bent(1500, 1), bent(1500, 2)
    rng = np.random.default_rng(seed)
    for cloud in (source, target):
        cloud[:300] = rng.uniform([-1, -1, 0.3], [1, 1, 1.5], (300, 3))
    tree = cKDTree(target)
    spacing = float(np.median(tree.query(target, 7)[0][:, 1:]))
    robust = fricp(
        PointPairs(source, tree),
        start(seed),
        radius=1.0,
        schedule=Schedule(finest=FINEST * spacing),
    )
    plain = fricp(
        PointPairs(source, tree), start(seed), radius=1.0, schedule=Schedule(finest=1e3)
    )  # all count alike
    good = bent(1500, 1)[300:]
    robust_error, plain_error = (
        np.linalg.norm(moved(found.motion, good) - good, axis=1).mean() for found in (robust, plain)
    )
    assert robust_error < spacing / 2
    assert robust_error < plain_error / 2


def test_steps_are_counted_and_end():
    cloud = bent(500, 0)
    found = fricp(
        PointPairs(cloud, cKDTree(cloud)),
        start(0),
        radius=1.0,
        schedule=Schedule(finest=1e-6, most=7),
    )
    assert not found.settled
    assert found.steps in (7, 8)  # a step that is taken back costs one more search


def test_planes_find_a_motion_within_the_noise():
    noise = 0.002
    rng = np.random.default_rng(0)
    one, two = (bent(6000, k) + rng.normal(0, noise, (6000, 3)) for k in (1, 2))
    view, other = (View.of(cloud.astype(np.float32)) for cloud in (one, two))
    rows = np.flatnonzero(view.inner)[:3000]
    found = fricp(
        PlanePairs(view, rows, target=other),
        start(3),
        radius=1.0,
        schedule=Schedule(finest=3 * noise),
    )
    assert np.abs(log(found.motion)).max() < noise


def test_who_faces_another_way_has_no_partner():
    view = View.of(bent(4000, 0).astype(np.float32))
    rows = np.flatnonzero(view.inner)
    turned = exp(np.array([0, 1.4, 0, 0, 0, 0]))
    home = PlanePairs(view, rows, target=view).distances(np.eye(4))
    assert np.isfinite(home).all() and home.max() < 1e-9
    assert np.isinf(PlanePairs(view, rows, target=view).distances(turned)).mean() > 0.5


def test_information_tells_what_is_not_determined():
    rng = np.random.default_rng(0)
    flat = np.column_stack([rng.uniform(-1, 1, (5000, 2)), rng.normal(0, 1e-4, 5000)])
    view = View.of(flat.astype(np.float32))
    pairs = PlanePairs(view, np.flatnonzero(view.inner), target=view)
    matrix, middle = pairs.information(np.eye(4), 0.01)
    values, ways = np.linalg.eigh(matrix)
    assert values[2] < 1e-4 * values[3]  # a turn in the plane and two shifts
    free = np.abs(ways[:, :3]).max(axis=1)
    assert free[[2, 3, 4]].min() > 0.8 and free[[0, 1, 5]].max() < 0.1
    assert np.linalg.norm(middle) < 0.1
