"""Orientation of normals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from gmanet.geometry.orientation import oriented


@pytest.mark.parametrize("seed", range(4))
def test_normals_of_a_sphere_all_point_in_or_all_point_out(seed):
    rng = np.random.default_rng(seed)
    outward = rng.normal(size=(1500, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    mixed = outward * rng.choice([-1, 1], 1500)[:, None]
    found = oriented(outward, mixed)
    side = np.einsum("nc,nc->n", found, outward)
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
