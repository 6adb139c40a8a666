"""Deviations from normal surfaces."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.detectors.gmanet.deviation import (
    CHANNELS,
    FLOOR,
    Surfaces,
    deviation,
    distances,
)
from gmanet.geometry.neighbors import nearest

UP = np.array([0, 0, 1], dtype=np.float32)


def plane(seed, height=0.0, count=2000):
    flat = np.random.default_rng(seed).random((count, 3), dtype=np.float32)
    flat[:, 2] = height
    return flat


def surfaces(*planes):
    points = np.concatenate(planes)
    owner = np.repeat(np.arange(len(planes)), [len(part) for part in planes])
    return Surfaces(points=points, normal=np.broadcast_to(UP, points.shape), owner=owner)


def measured(place, known, used=None, normal=UP):
    around = nearest(place, place, count=8)[1]
    values = distances(place, np.broadcast_to(normal, place.shape), surfaces=known, used=used)
    return deviation(values, values, neighbors=around)


@pytest.mark.parametrize("height", [0.001, 0.01, 0.1])
def test_the_distance_to_the_plane_is_found(height):
    found = measured(plane(3, height, 200), surfaces(plane(0), plane(1)))
    assert found.shape == (200, 3 * CHANNELS)
    np.testing.assert_allclose(np.exp(found[:, 0]) - FLOOR, height, rtol=1e-3)
    np.testing.assert_allclose(np.exp(found[:, 1]) - FLOOR, height, rtol=1e-3)
    assert (np.exp(found[:, 2]) - FLOOR >= height * 0.999).all()
    np.testing.assert_allclose(found[:, CHANNELS], found[:, 0], rtol=1e-3)


def test_a_normal_cloud_is_not_compared_with_itself():
    one, other = plane(0), plane(1, 0.05)
    itself = measured(one[:100], surfaces(one, other))
    left_out = measured(one[:100], surfaces(one, other), used=[1])
    assert (np.exp(itself[:, 0]) < 2 * FLOOR).all()
    np.testing.assert_allclose(np.exp(left_out[:, 0]) - FLOOR, 0.05, rtol=1e-3)


def test_a_turned_normal_shows():
    known, place = surfaces(plane(0), plane(1)), plane(2, count=100)
    side = np.array([1, 0, 0], dtype=np.float32)
    assert (measured(place, known)[:, 3] < 1e-3).all()
    assert (measured(place, known, normal=side)[:, 3] > 0.99).all()
    np.testing.assert_array_equal(measured(place, known, normal=-UP), measured(place, known))


def test_a_handful_of_points_suffices():
    found = measured(plane(0, count=5), surfaces(plane(1, count=3), plane(2, count=2)), used=[1])
    assert np.isfinite(found).all()
