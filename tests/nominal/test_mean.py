"""Signed deviations from the mean of registered good scans."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.nominal.mean import MeanPart

NOISE = 0.01


def sphere(rng, count=3000):
    pos = rng.normal(size=(count, 3))
    return pos / np.linalg.norm(pos, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def mean():
    """Return the mean of six spheres of radius 1, some larger, some smaller."""
    rng = np.random.default_rng(0)
    surfaces = []
    for radius in (0.98, 0.99, 1.0, 1.0, 1.01, 1.02):
        normal = sphere(rng)
        surfaces.append((normal * (radius + rng.normal(0, NOISE, (3000, 1))), normal))
    points, normal = (
        np.concatenate(part).astype(np.float32) for part in zip(*surfaces, strict=True)
    )
    flipped = np.where(rng.random((len(normal), 1)) < 0.5, -normal, normal)
    return MeanPart(
        points=points,
        normal=flipped.astype(np.float32),
        owner=np.repeat(np.arange(6), 3000),
        extent=2.0,
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.floats(-0.03, 0.03))
def test_deviations_are_heights_over_the_mean(mean, seed, height):
    pos = sphere(np.random.default_rng(seed), 200) * (1 + height)
    error = mean.deviation(pos) - height
    assert abs(error.mean()) < 0.6 * NOISE  # nearest points draw a little
    assert np.abs(error).max() < 3 * NOISE


def test_far_points_have_their_distance(mean):
    found = mean.deviation(np.array([[0.0, 0.0, 2.0], [0.0, 0.4, 0.0]]))
    assert found == pytest.approx([1.0, -0.6], abs=0.05)
