"""Signs of normals: like ones among neighbors, and outside, where a part is seen from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from gmanet.geometry.orientation import oriented, outward


def turned(seed):
    return Rotation.random(random_state=seed).as_matrix()


@given(st.integers(0, 2**31))
@settings(max_examples=2, deadline=None)
def test_normals_of_a_ring_point_out_of_it(seed):
    """Those of its inner side point to the axis."""
    rng = np.random.default_rng(seed)
    angle, across = rng.uniform(0, 2 * np.pi, (2, 1500))
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(1500)], axis=1)
    normal = ring * np.cos(across)[:, None] + np.array([0, 0, 1]) * np.sin(across)[:, None]
    motion = turned(seed)
    pos, normal = (3 * ring + normal) @ motion.T, normal @ motion.T
    flip = np.where(rng.random(1500) < 0.5, -1, 1)[:, None]
    made = outward(pos, normal * flip)
    assert (np.einsum("nk,nk->n", made, normal) > 0).mean() > 0.99


@given(st.integers(0, 2**31))
@example(22)
@example(100590)
@settings(max_examples=2, deadline=None)
def test_normals_of_a_one_sided_scan_point_to_the_scanner(seed):
    rng = np.random.default_rng(seed)
    pos = rng.normal(size=(4000, 3))
    pos /= np.linalg.norm(pos, axis=1, keepdims=True)
    pos = pos[pos[:, 2] > 0.4]
    motion = turned(seed)
    flip = np.where(rng.random(len(pos)) < 0.5, -1, 1)[:, None]
    made = outward(pos @ motion.T, (pos * flip) @ motion.T)
    assert (np.einsum("nk,nk->n", made @ motion, pos) > 0).mean() > 0.99


@pytest.mark.parametrize("seed", range(4))
def test_normals_of_a_sphere_all_point_in_or_all_point_out(seed):
    rng = np.random.default_rng(seed)
    away = rng.normal(size=(1500, 3))
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    mixed = away * rng.choice([-1, 1], 1500)[:, None]
    found = oriented(away, mixed)
    side = np.einsum("nc,nc->n", found, away)
    assert (side > 0.99).all() or (side < -0.99).all()


def test_each_of_two_separate_surfaces_is_oriented():
    rng = np.random.default_rng(0)
    points = rng.random((800, 3)) * (1, 1, 0)
    points[400:, 2] = 9
    normal = np.array([0, 0, 1]) * rng.choice([-1, 1], 800)[:, None]
    found = oriented(points, normal)[:, 2]
    assert len(np.unique(found[:400])) == len(np.unique(found[400:])) == 1


def test_neighbors_on_a_curved_surface_agree():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-2, 2, (2, 3000))
    points = np.stack([x, y, np.sin(2 * x) * np.cos(y)], axis=1)
    normal = np.stack(
        [-2 * np.cos(2 * x) * np.cos(y), np.sin(2 * x) * np.sin(y), 1 + 0 * x], axis=1
    )
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    found = oriented(points, normal * rng.choice([-1, 1], 3000)[:, None])
    near = cKDTree(points).query(points, 4)[1]
    assert (np.einsum("nc,nkc->nk", found, found[near]) > 0).mean() > 0.999


def test_equal_points_and_a_single_point_do_no_harm():
    assert oriented(np.zeros((20, 3)), np.tile([0.0, 0.0, 1.0], (20, 1))).shape == (20, 3)
    np.testing.assert_array_equal(oriented(np.zeros((1, 3)), np.eye(3)[:1]), np.eye(3)[:1])
