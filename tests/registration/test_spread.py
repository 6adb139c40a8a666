"""Targets that know how much normal clouds differ: what differs from part to part does not pull."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gmanet.registration.icp import register
from gmanet.registration.target import Target

FLAT, ENGRAVED = 0.0005, 0.02
"""Standard deviations of a plain and of an engraved place, in extents."""


def tag(seed, text=0.0, quarter=0):
    """Return a square plate with a strip of random height in a corner of its top, turned."""
    rng = np.random.default_rng(seed)
    pos = rng.uniform(-1, 1, (9000, 3)) * (1, 1, 0.1)
    side = rng.integers(0, 6, 9000)
    for axis, size in enumerate((1, 1, 0.1)):
        pos[side == axis, axis] = size
        pos[side == axis + 3, axis] = -size
    strip = on_strip(pos) & (side == 2)
    pos[strip, 2] += text * rng.choice([-1, 1])
    pos += rng.normal(0, 1e-4, pos.shape)
    return pos @ Rotation.from_euler("z", 90 * quarter, degrees=True).as_matrix().T


def on_strip(pos):
    return (pos[:, 0] > 0.5) & (np.abs(pos[:, 1] - 0.4) < 0.45) & (pos[:, 2] > 0.05)


@pytest.fixture(scope="module")
def target():
    made = Target.of(tag(0).astype(np.float32))
    strip = on_strip(made.points * made.length + made.centroid)
    return replace(made, spread=np.where(strip, ENGRAVED, FLAT))


@pytest.mark.parametrize("quarter", range(4))
def test_the_engraving_of_a_square_lies_where_engravings_are(target, quarter):
    """Its height differs from that of the target in any pose."""
    source = tag(1 + quarter, text=0.03, quarter=quarter).astype(np.float32)
    found = register(source, target)
    turned = found.rotation @ Rotation.from_euler("z", 90 * quarter, degrees=True).as_matrix()
    assert np.degrees(Rotation.from_matrix(turned).magnitude()) < 1


def test_a_similar_pose_is_refined(target):
    source = tag(7).astype(np.float32)
    whole = register(source, target)
    tilted = Rotation.from_euler("xyz", [2, -1, 3], degrees=True).as_matrix()
    start = np.eye(4)
    start[:3, :3], start[:3, 3] = tilted, (0.01, -0.02, 0.01)
    found = register(source, target, start=start)
    between = Rotation.from_matrix(found.rotation @ whole.rotation.T)
    turned = np.degrees(between.magnitude()) % 90  # a plain plate has four poses
    assert min(turned, 90 - turned) < 0.2
    assert found.inlier_rmse < 1.05 * whole.inlier_rmse
    np.testing.assert_allclose(found.translation, whole.translation, atol=0.003)
