"""Nearly round parts are not left turned by a few degrees about their axis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gmanet.datasets.procedural.dataset import Procedural
from gmanet.registration.icp import register
from gmanet.registration.loose_axes import loose_axes
from gmanet.registration.target import Target


def cylinder(count, height, seed=0):
    """Return points and normals of the side of a cylinder about z with radius 1."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, count)
    normal = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    return normal + (0, 0, 1) * rng.uniform(-height, height, count)[:, None], normal


@given(seed=st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_the_axis_of_a_cylinder_is_loose_in_any_pose(seed):
    points, normal = cylinder(2000, 1.5)
    turn = Rotation.random(random_state=seed).as_matrix()
    axes = loose_axes(points @ turn.T + (3, 1, 2), normal @ turn.T)
    assert axes.shape == (1, 3)
    assert abs(axes[0] @ turn[:, 2]) > 0.999


def test_no_axis_of_a_cube_is_loose():
    rng = np.random.default_rng(0)
    points, side = rng.uniform(-1, 1, (3000, 3)), rng.integers(0, 3, 3000)
    rows = np.arange(3000)
    points[rows, side] = rng.choice([-1.0, 1.0], 3000)
    assert len(loose_axes(points, np.eye(3)[side])) == 0


@pytest.mark.parametrize("number", [38, 50, 51])
def test_a_round_nut_is_not_left_a_few_degrees_off(number):
    """Slots say how a round nut is turned; ICP alone ends 1.3 to 4.2 degrees off on these scans."""
    nuts = Procedural("round_nut", "train", profile="many")
    target = Target.of(nuts[0].pos)
    found = register(nuts[number].pos, target)
    assert found.overlap > 0.99
    assert found.inlier_rmse < 0.09
