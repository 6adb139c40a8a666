"""Hidden-point removal: what is seen of shapes whose visible part is known."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.geometry.visibility import DENSE, directions, visible

UP = np.array([0.0, 0.0, 1.0])


@pytest.mark.parametrize("count", [3000, 2 * DENSE])
@pytest.mark.parametrize("view", range(3))
def test_half_of_a_sphere_is_seen(sphere, count, view):
    pos, eye = sphere(count).pos, directions(3)[view]
    seen, height = visible(pos, eye), pos @ eye
    assert seen[height > 0.15].mean() > 0.99
    assert seen[height < -0.15].mean() < 0.01
    assert 0.4 < seen.mean() < 0.56


def test_a_near_surface_hides_a_far_one():
    rng = np.random.default_rng(0)
    near = np.column_stack([rng.uniform(-1, 1, (6000, 2)), np.full(6000, 0.5)])
    far = np.column_stack([rng.uniform(-2, 2, (9000, 2)), np.full(9000, -0.5)])
    pos = np.vstack([near, far]).astype(np.float32)
    seen = visible(pos, UP)
    beside = np.abs(pos[:, :2]).max(axis=1) > 1.2
    assert seen[:6000].mean() > 0.99
    assert seen[6000:][beside[6000:]].mean() > 0.97
    assert seen[6000:][np.abs(far[:, :2]).max(axis=1) < 0.8].mean() < 0.01


def test_noise_leaves_a_surface_seen():
    rng = np.random.default_rng(0)
    turn, tube = rng.uniform(0, 2 * np.pi, (2, 60_000))
    ring = 1 + 0.3 * np.cos(tube)
    pos = np.column_stack([ring * np.cos(turn), ring * np.sin(turn), 0.3 * np.sin(tube)])
    seen = visible((pos + rng.normal(0, 0.001, pos.shape)).astype(np.float32), UP)
    assert seen[np.sin(tube) > 0.2].mean() > 0.93
    assert seen[np.sin(tube) < -0.2].mean() < 0.01


def test_place_size_and_order_do_not_matter(sphere):
    pos = sphere(4000).pos
    seen = visible(pos, UP)
    assert (visible(pos * 1000 + np.float32(20), UP) == seen).mean() > 0.995
    order = np.random.default_rng(0).permutation(len(pos))
    assert (visible(pos[order], UP) == seen[order]).mean() > 0.995
    assert np.array_equal(visible(pos, UP), seen)
    large = sphere(DENSE + 2000).pos
    order = np.random.default_rng(0).permutation(len(large))
    assert np.array_equal(visible(large[order], UP), visible(large, UP)[order])


@pytest.mark.parametrize("count", [1, 2, 6, 20])
def test_directions_are_spread_evenly(count):
    way = directions(count)
    assert np.allclose(np.linalg.norm(way, axis=1), 1)
    assert np.linalg.norm(way.mean(axis=0)) < 1.5 / count
    assert np.array_equal(way, directions(count))
