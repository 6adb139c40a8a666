"""Refinement of poses by ICP, several poses at a time.

ICP minimizes distances to tangent planes [Chen and Medioni 1992] with Tukey's weights, plus a
hundredth of the distances to points, which determines a pose where the planes leave it free.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from gmanet.cloud import Doubles
from gmanet.geometry.jit import compiled
from gmanet.geometry.se3 import moved_by_each, parts, rigid
from gmanet.registration.target import Surface

__all__ = ["misfit", "refined", "trimmed"]

POINT = 0.01
"""Weight of squared distances to points against squared distances to planes, which weigh 1."""

TUKEY_CUT = 4.0
"""Cut-off of Tukey's weights, in medians of the distance: farther points weigh 0."""

TRIMMED = 0.9
"""Share of the points, the nearest ones, whose distances rank the poses."""

LARGEST = 4.0
"""Largest distance of a point in :func:`misfit`, in standard deviations of the normal clouds."""

CONVERGED = 1e-5
"""Convergence: the largest step of any pose, in radians and in extents of the target."""


def trimmed(distance: Doubles) -> Doubles:
    """Return the mean squared distance of each pose's nearest points, with shape ``(C,)``.

    Args:
        distance: Distances of all points in each pose, with shape ``(C, N)``.
    """
    count = int(TRIMMED * distance.shape[1])
    return np.asarray((np.sort(distance, axis=1)[:, :count] ** 2).mean(axis=1))


def misfit(distance: Doubles, poses: Doubles, *, points: Doubles, target: Surface) -> Doubles:
    """Return what ranks poses, lower is better, with shape ``(C,)``.

    Where the target knows how much normal clouds differ at each of its points, this is the mean
    squared distance in standard deviations, at least their median, with a limit for each point: an
    engraving weighs nothing where engravings are, and much on plain surface.  If not, it is
    :func:`trimmed`.

    Args:
        distance: Distances of all points in each pose, with shape ``(C, N)``.
        poses: The poses, with shape ``(C, 4, 4)``.
        points: The points before they are moved, with shape ``(N, 3)``.
        target: The surface that the distances are to.
    """
    if target.spread is None:
        return trimmed(distance)
    at = target.nearest(moved_by_each(poses, points))
    spread = np.maximum(target.spread, np.median(target.spread))
    return np.asarray((np.minimum(distance / spread[at], LARGEST) ** 2).mean(axis=1))


def refined(
    poses: Doubles, points: Doubles, *, target: Surface, steps: int
) -> tuple[Doubles, Doubles]:
    """Return the poses after ICP, ``(C, 4, 4)``, and distances to the surface, ``(C, N)``.

    Args:
        poses: Motions of the points, lengths in extents of the target, with shape ``(C, 4, 4)``.
        points: Points to move, with shape ``(N, 3)``.
        target: Surface to move them onto.
        steps: Largest number of steps.
    """
    for _ in range(steps):
        moved = moved_by_each(poses, points)
        at = target.nearest(moved)
        gap, normal = target.points[at] - moved, target.normal[at]
        weight = _tukey(_surface_distance(gap, normal, spacing=target.spacing))
        if target.weight is not None:
            weight = weight * target.weight[at]
        step = _step(moved, gap, normal=normal, weight=weight)
        rotation = Rotation.from_rotvec(step[:, :3]).as_matrix()
        before, shift = parts(poses)
        poses = rigid(
            np.einsum("cij,cjk->cik", rotation, before),
            np.einsum("cij,cj->ci", rotation, shift) + step[:, 3:],
        )
        if np.abs(step).max() < CONVERGED:
            break
    moved = moved_by_each(poses, points)
    at = target.nearest(moved)
    return poses, _surface_distance(
        target.points[at] - moved, target.normal[at], spacing=target.spacing
    )


def _surface_distance(gap: Doubles, normal: Doubles, *, spacing: float) -> Doubles:
    """Return distances to tangent planes that end at the points' spacing, with shape ``(C, N)``."""
    square = np.einsum("cni,cni->cn", gap, gap)
    plane = np.einsum("cni,cni->cn", gap, normal) ** 2
    aside = np.sqrt(np.maximum(square - plane, 0))
    return np.asarray(np.sqrt(plane + np.maximum(aside - spacing, 0) ** 2))


def _tukey(distance: Doubles) -> Doubles:
    """Return weights that fall from 1 to 0 at ``TUKEY_CUT`` medians, with shape ``(C, N)``."""
    scale = TUKEY_CUT * np.median(distance, axis=1, keepdims=True) + 1e-9
    return np.asarray(np.maximum(1 - (distance / scale) ** 2, 0) ** 2)


def _step(moved: Doubles, gap: Doubles, *, normal: Doubles, weight: Doubles) -> Doubles:
    """Return the small rotation and translation of least squares, with shape ``(C, 6)``."""
    matrix, vector = np.zeros((len(moved), 6, 6)), np.zeros((len(moved), 6))
    _accumulate(moved, gap, normal, weight, matrix, vector)
    ridge = 1e-9 * np.trace(matrix, axis1=1, axis2=2)[:, None, None] + 1e-30
    solved = np.linalg.solve(matrix + ridge * np.eye(6), vector[:, :, None])
    return np.asarray(solved[:, :, 0])


@compiled
def _accumulate(
    moved: Doubles,
    gap: Doubles,
    normal: Doubles,
    weight: Doubles,
    matrix: Doubles,
    vector: Doubles,
) -> None:
    """Accumulate the normal equations of each pose, one point after the other.

    A small rotation and translation ``u`` moves a point ``p`` along a direction ``n`` by
    ``(p x n, n) . u``.  The directions are the normal and, each with the weight ``POINT``, the
    three axes.
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
    """Add one equation, whose coefficients are 0 outside the named rows."""
    for i in range(len(rows)):
        scaled = weight * lever[i]
        vector[rows[i]] += scaled * rest
        for j in range(len(rows)):
            matrix[rows[i], rows[j]] += scaled * lever[j]
