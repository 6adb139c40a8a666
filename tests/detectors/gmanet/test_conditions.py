"""Conditions of a scan: noise and spacing, in sizes of neighborhoods, not of the unit."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.detectors.gmanet.descriptors import describe
from gmanet.detectors.gmanet.scale import Scale


def plane(count, noise, seed=0):
    rng = np.random.default_rng(seed)
    pos = rng.uniform(0, 10, (count, 3)).astype(np.float32)
    pos[:, 2] = rng.normal(scale=noise, size=count)
    return pos


def test_noise_and_density_show_in_the_conditions():
    usual = plane(12000, 0.02)
    scale = Scale.of([usual], 2048)
    clean, noisy, sparse = (
        describe(pos, 2048, centers=256, scale=scale).conditions
        for pos in (usual, plane(12000, 0.04), usual[:4000])
    )
    assert noisy[0] - clean[0] == pytest.approx(np.log(2), abs=0.1)
    assert noisy[1] == pytest.approx(clean[1], abs=0.15)
    assert sparse[1] - clean[1] == pytest.approx(np.log(3**0.5), abs=0.15)


def test_every_center_reads_the_conditions_and_the_unit_does_not_matter():
    pos = plane(6000, 0.02)
    made = describe(pos, 2048, centers=256)
    np.testing.assert_array_equal(
        made.context[:, -2:], np.broadcast_to(made.conditions, (len(made.context), 2))
    )
    large = describe(1000 * pos, 2048, centers=256)
    np.testing.assert_allclose(large.conditions, made.conditions, atol=1e-3)
