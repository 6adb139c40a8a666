"""Bent parts are registered by their notches, not by their bends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from experiments.truth import true_motion
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.geometry.se3 import rigid
from gmanet.registration.details import detail_misfit
from gmanet.registration.icp import register
from gmanet.registration.target import Target, subsample

NOTCH = 0.1
"""Depth and width of the notch, in lengths of the plate."""


def plate(seed, bend=0.0, notch=0.5):
    """Return a plate with a notch in one side, bent."""
    rng = np.random.default_rng(seed)
    flat = rng.random((12000, 3)) * (1.0, 0.6, 0.0)
    flat[:, 2] = rng.choice([0.0, 0.08], len(flat))
    cut = (np.abs(flat[:, 0] - notch) < NOTCH) & (flat[:, 1] < NOTCH)
    flat[:, 2] += bend * (flat[:, 0] - 0.5) ** 2 + bend * flat[:, 0] * flat[:, 1]
    return (flat[~cut] + rng.normal(0, 3e-4, (int((~cut).sum()), 3))).astype(np.float32)


def misfit(pos):
    target = Target.of(plate(0))
    moving, centroid = subsample(pos, target.length, count=2048)
    pose = rigid(np.eye(3), (centroid - target.centroid) / target.length)
    return detail_misfit(pose[None], moving.points, target=target.surface(16384))[0][0]


def test_a_bend_is_no_detail_and_a_notch_is_one():
    same, bent = misfit(plate(1)), misfit(plate(2, bend=0.03))
    assert bent < 1.5 * same
    assert misfit(plate(3, notch=0.8)) > 2.5 * bent


@pytest.mark.parametrize("number", [3, 4, 7])
def test_a_bent_ring_is_not_left_upside_down_or_turned(number):
    """Trimmed distances to the first ring are less 180 or 80 degrees away from the right pose."""
    rings = Procedural("warped_ring", "train")
    first, other = rings.specimen(0), rings.specimen(number)
    found = register(other.cloud.pos, Target.of(first.cloud.pos))
    wanted = np.linalg.inv(true_motion(first)) @ true_motion(other)
    error = Rotation.from_matrix(found.rotation @ wanted[:3, :3].T).magnitude()
    assert np.rad2deg(error) < 2
