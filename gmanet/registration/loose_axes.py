"""Turns about the axes that hardly any surface holds, where ICP stays in a wrong pose.

About the axis of a nearly round part the surface slides on itself, and only few points, such as the
walls of slots, say how far it is turned.  A few degrees off, these points are farther from their
partners than ICP's weights reach, and no step turns the part back.  The poses turned about such
axes are therefore compared one by one (slippage analysis [Gelfand and Guibas 2004]).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from gmanet.cloud import Doubles
from gmanet.geometry.se3 import rigid
from gmanet.registration.refine import misfit, refined
from gmanet.registration.target import Surface

__all__ = ["loose_axes", "turned_back", "turns_about"]

LOOSE = 0.5
"""Largest resistance of a loose axis against a turn, as a share of that of the firmest axis."""

ANGLES = np.deg2rad(np.concatenate([np.arange(-10, 0, 0.5), np.arange(0.5, 10.5, 0.5)]))
"""Turns that are compared; near symmetries are farther apart."""

POINTS, LEFT, STEPS = 512, 3, (4, 10)
"""Points and poses of the first refinement, and ICP steps of the first and of the last."""

BETTER = 0.95
"""Largest misfit of a turned pose that replaces a pose, in the misfit of this pose."""


def loose_axes(points: Doubles, normal: Doubles) -> Doubles:
    """Return the axes through the centroid about which a surface slides on itself, ``(A, 3)``.

    Args:
        points: Points of the surface, with shape ``(N, 3)``.
        normal: Unit normals, of either sign, with shape ``(N, 3)``.
    """
    lever = np.cross(points - points.mean(axis=0), normal)
    resistance, axes = np.linalg.eigh(lever.T @ lever)
    return np.asarray(axes.T[resistance < LOOSE * resistance[-1]])


def turns_about(axes: Doubles, angles: Doubles, *, middle: Doubles) -> Doubles:
    """Return turns about axes through a point, with shape ``(A * T, 4, 4)``.

    Args:
        axes: Unit vectors, with shape ``(A, 3)``.
        angles: Angles in radians, with shape ``(T,)``.
        middle: The point, with shape ``(3,)``.
    """
    vectors = (axes[:, None] * angles[:, None]).reshape(-1, 3)
    turn = Rotation.from_rotvec(vectors).as_matrix()
    return rigid(turn, middle - np.einsum("cij,j->ci", turn, middle))


def turned_back(
    pose: Doubles, distance: Doubles, points: Doubles, *, target: Surface
) -> tuple[Doubles, Doubles]:
    """Return the pose, or a better one that is turned about a loose axis, and its distances.

    Args:
        pose: Refined motion of the points onto the target, with shape ``(1, 4, 4)``.
        distance: Distances of the moved points to the target, with shape ``(1, N)``.
        points: Points to move, with shape ``(N, 3)``.
        target: The surface.
    """
    axes = loose_axes(target.points, target.normal)
    if not len(axes):
        return pose, distance
    middle = target.points.mean(axis=0)
    poses = np.einsum("cij,jk->cik", turns_about(axes, ANGLES, middle=middle), pose[0])
    some = points[:POINTS]
    for steps in (0, STEPS[0]):
        poses, gaps = refined(poses, some, target=target, steps=steps)
        best = np.argsort(misfit(gaps, poses, points=some, target=target), kind="stable")[:LEFT]
        poses = poses[best]
    poses, gaps = refined(poses[:1], points, target=target, steps=STEPS[1])
    before, after = (
        misfit(found, motion, points=points, target=target)[0]
        for found, motion in ((distance, pose), (gaps, poses))
    )
    return (poses, gaps) if after < BETTER * before else (pose, distance)
