"""Registration: lay a cloud on a reference of the same part, the same way on every run.

Start poses (:mod:`gmanet.registration.initial_poses`) are improved by ICP in three rounds, fewer
poses with more points each; the one with the least trimmed distance to the surface wins.  ICP
minimizes distances to tangent planes [Chen and Medioni 1992] with Tukey's weights, plus a hundredth
of those to points, which holds a pose where planes leave it free.

There are no threads, rows are sorted first, and the seed draws all that is random.  Nothing depends
on the sign of normals.  Who lays many clouds on one reference makes its ``Target`` once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from gmanet.cloud import Floats
from gmanet.geometry.jit import compiled
from gmanet.registration.initial_poses import Poses, distinct, start_poses
from gmanet.registration.target import Doubles, Surface, Target, in_order, thinned

__all__ = ["Registration", "apply", "register"]

POINTS = 2048
"""Points of the source that are kept."""

ROUNDS = ((24, 128, 2048, 6), (6, 512, 16384, 4), (2, 2048, 16384, 10))
"""Poses, points of the source, points of the target and steps of each round."""

APART = 0.02
"""Poses within this angle, in radians, after a round have come to the same place."""

POINT = 0.01
"""Weight of squared distances to points in ICP, next to those to planes."""

CUT = 4.0
"""Distances above this many medians do not count in ICP."""

KEPT = 0.9
"""Share of the points, the nearest, whose distances decide between poses."""

STILL = 1e-5
"""ICP ends when no pose moves by more, in radians and extents of the target."""

NEAR = 0.02
"""Points within this fraction of the target's extent from its surface overlap it."""


@dataclass(frozen=True, eq=False)
class Registration:
    """The motion ``rotation @ p + translation`` that lays a source on its target.

    Args:
        rotation: With shape ``(3, 3)``.
        translation: In the unit of the clouds, with shape ``(3,)``.
        rms: Root mean square distance of the overlapping points to the target's surface, in the
            unit of the clouds.
        overlap: Share of the source within 2 % of the target's extent from its surface.
    """

    rotation: Doubles
    translation: Doubles
    rms: float
    overlap: float


def apply(registration: Registration, pos: Floats) -> Floats:
    """Return the points after the motion, with shape ``(N, 3)``."""
    moved = np.einsum("ij,nj->ni", registration.rotation, pos) + registration.translation
    return np.asarray(moved, dtype=np.float32)


def register(source: Floats, target: Floats | Target, seed: int = 0) -> Registration:
    """Return the motion that lays ``source`` on ``target``, whatever the pose it starts from.

    Args:
        source: The cloud to move, with shape ``(N, 3)``; a small part of it may be defective.
        target: A cloud of the same part in the same unit, with shape ``(M, 3)``, or what
            ``Target.of`` makes of it.
        seed: Draws the triples of matching points.

    Raises:
        InputError: A cloud that :meth:`gmanet.cloud.Cloud.checked` refuses.
    """
    one = in_order(source, "registration, source")
    fixed = target if isinstance(target, Target) else Target.of(target)
    length = fixed.length
    moving, home = thinned(one, length, POINTS)
    poses = start_poses(moving, fixed, ROUNDS[0][0], np.random.default_rng(seed))
    for wanted, points, surface, steps in ROUNDS:
        poses = poses[np.arange(min(wanted, len(poses.turn)))]
        poses, distance = _icp(poses, moving.points[:points], fixed.surface(surface), steps)
        score = np.sort(distance, axis=1)[:, : int(KEPT * distance.shape[1])] ** 2
        best = distinct(poses, score.mean(axis=1), wanted, APART)
        poses, distance = poses[best], distance[best]
    near = distance[0] <= NEAR
    rms = float(np.sqrt((distance[0][near] ** 2).mean())) if near.any() else float("inf")
    turn = poses.turn[0]
    shift = fixed.middle + length * poses.shift[0] - np.einsum("ij,j->i", turn, home)
    return Registration(turn, shift, length * rms, float(near.mean()))


def _icp(poses: Poses, points: Doubles, target: Surface, steps: int) -> tuple[Poses, Doubles]:
    """Return the poses after ICP, and each point's distance to the surface, ``(C, N)``."""
    for _ in range(steps):
        moved = poses.moved(points)
        at = target.nearest(moved)
        gap, normal = target.points[at] - moved, target.normal[at]
        step = _step(moved, gap, normal, _tukey(_surface_distance(gap, normal, target.spacing)))
        turn = Rotation.from_rotvec(step[:, :3]).as_matrix()
        poses = Poses(
            np.einsum("cij,cjk->cik", turn, poses.turn),
            np.einsum("cij,cj->ci", turn, poses.shift) + step[:, 3:],
        )
        if np.abs(step).max() < STILL:
            break
    moved = poses.moved(points)
    at = target.nearest(moved)
    return poses, _surface_distance(target.points[at] - moved, target.normal[at], target.spacing)


def _surface_distance(gap: Doubles, normal: Doubles, spacing: float) -> Doubles:
    """Return distances to tangent planes that end at the points' spacing, with shape ``(C, N)``."""
    square = np.einsum("cni,cni->cn", gap, gap)
    plane = np.einsum("cni,cni->cn", gap, normal) ** 2
    aside = np.sqrt(np.maximum(square - plane, 0))
    return np.asarray(np.sqrt(plane + np.maximum(aside - spacing, 0) ** 2))


def _tukey(distance: Doubles) -> Doubles:
    """Return weights that fall from 1 to 0 at ``CUT`` medians, with shape ``(C, N)``."""
    scale = CUT * np.median(distance, axis=1, keepdims=True) + 1e-9
    return np.asarray(np.maximum(1 - (distance / scale) ** 2, 0) ** 2)


def _step(moved: Doubles, gap: Doubles, normal: Doubles, weight: Doubles) -> Doubles:
    """Return the small rotation and shift of least squares, with shape ``(C, 6)``."""
    matrix, vector = np.zeros((len(moved), 6, 6)), np.zeros((len(moved), 6))
    _add_up(moved, gap, normal, weight, matrix, vector)
    ridge = 1e-9 * np.trace(matrix, axis1=1, axis2=2)[:, None, None] + 1e-30
    solved = np.linalg.solve(matrix + ridge * np.eye(6), vector[:, :, None])
    return np.asarray(solved[:, :, 0])


@compiled
def _add_up(
    moved: Doubles,
    gap: Doubles,
    normal: Doubles,
    weight: Doubles,
    matrix: Doubles,
    vector: Doubles,
) -> None:
    """Add up the normal equations of each pose, one point after the other.

    A small rotation and shift ``u`` brings a point closer along a way ``n`` by ``(p x n, n) . u``.
    The ways are the normal and, each with the weight ``POINT``, the three axes.
    """
    for pose in range(weight.shape[0]):
        for at in range(weight.shape[1]):
            x, y, z = moved[pose, at]
            a, b, c = normal[pose, at]
            plane, point = weight[pose, at], POINT * weight[pose, at]
            reach = gap[pose, at]
            lever = (y * c - z * b, z * a - x * c, x * b - y * a, a, b, c)
            rest = a * reach[0] + b * reach[1] + c * reach[2]
            _add(lever, (0, 1, 2, 3, 4, 5), plane, rest, matrix[pose], vector[pose])
            _add((z, -y, 1.0), (1, 2, 3), point, reach[0], matrix[pose], vector[pose])
            _add((-z, x, 1.0), (0, 2, 4), point, reach[1], matrix[pose], vector[pose])
            _add((y, -x, 1.0), (0, 1, 5), point, reach[2], matrix[pose], vector[pose])


@compiled
def _add(
    lever: tuple[float, ...],
    rows: tuple[int, ...],
    weight: float,
    rest: float,
    matrix: Doubles,
    vector: Doubles,
) -> None:
    """Add one equation, of which the coefficients in some rows differ from 0."""
    for i in range(len(rows)):
        scaled = weight * lever[i]
        vector[rows[i]] += scaled * rest
        for j in range(len(rows)):
            matrix[rows[i], rows[j]] += scaled * lever[j]
