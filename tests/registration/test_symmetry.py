"""Near symmetries: the right pose of a scan that lacks a side."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gmanet.datasets.procedural import Procedural
from gmanet.registration.icp import register
from gmanet.registration.symmetry import near_symmetries
from gmanet.registration.target import Target


@pytest.fixture(scope="module")
def nuts():
    data = Procedural("hexagonal_nut", "train")
    return [data[index].pos for index in (0, 6, 7)]


@pytest.fixture(scope="module")
def target(nuts):
    return Target.of(nuts[0])


def angles(motions):
    return np.degrees(Rotation.from_matrix(motions[:, :3, :3]).magnitude())


def test_a_nut_has_six_rotations_and_as_many_upside_down(target):
    found = near_symmetries(target)
    np.testing.assert_array_equal(found[0], np.eye(4))
    turned = np.sort(angles(found))
    assert np.isclose(turned, 60, atol=3).sum() >= 2
    assert np.isclose(turned, 180, atol=3).sum() >= 6
    assert np.linalg.norm(found[:, :3, 3], axis=1).max() < 0.1


@pytest.mark.parametrize("seed", range(6))
def test_a_scan_that_lacks_a_side_lies_as_the_whole_one(nuts, target, seed):
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=3)
    height = nuts[1 + seed % 2] @ (direction / np.linalg.norm(direction))
    whole = register(nuts[1 + seed % 2], target)
    cut = register(nuts[1 + seed % 2][height < np.quantile(height, 0.75)], target)
    between = Rotation.from_matrix(cut.rotation @ whole.rotation.T).magnitude()
    assert np.degrees(between) < 1
