"""Point-to-plane distances, which the fine registration of two views minimizes.

Distances to tangent planes [Chen and Medioni 1992], unlike distances to points, do not attract
points toward the sampling points or the rim of the other view.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Doubles, Indices
from gmanet.geometry.se3 import exp, moved, rotated
from gmanet.turntable.view import View

__all__ = ["PlanePairs", "about", "normal_equations"]

REACH = 2.0
"""Largest tangential distance from the nearest point, in spacings, that is not penalized."""

FACING = 0.5
"""Least absolute cosine between the normals of partners."""

FEWEST = 6.0
"""Least sum of weights for a step; a smaller sum does not determine a motion."""

RIDGE = 1e-7
"""Regularization: share of the normal equations' trace that is added to their diagonal.

Undetermined motions then remain unchanged.
"""


class PlanePairs:
    """Points of a view, paired with the tangent planes at the nearest points of another view.

    The distance is that to the plane, increased if the nearest point is tangentially far.  Points
    have no partner if the nearest point is on the rim or has a different normal.

    Args:
        source: View to move.
        rows: Indices of the compared points of the source, with shape ``(N,)``.
        target: The other view.
    """

    def __init__(self, source: View, rows: Indices, *, target: View) -> None:
        self.points, self.normal, self.target = source.pos[rows], source.normal[rows], target
        self._partner: Indices = rows

    def distances(self, motion: Doubles) -> Doubles:
        """Return distances of the source's points, with shape ``(N,)``."""
        target, position = self.target, moved(motion, self.points)
        gap, self._partner = map(np.asarray, target.tree.query(position))
        plane = self._heights(position)
        aside = np.sqrt(np.maximum(gap**2 - plane**2, 0))
        far = np.hypot(plane, np.maximum(aside - REACH * target.spacing, 0))
        cosine = np.einsum("nc,nc->n", rotated(motion, self.normal), target.normal[self._partner])
        usable = target.inner[self._partner] & (np.abs(cosine) >= FACING)
        return np.where(usable, far, np.inf)

    def improved(self, motion: Doubles, weight: Doubles) -> Doubles:
        """Return the motion after a Gauss-Newton step for the last partners."""
        position = moved(motion, self.points)
        if not weight.sum() > FEWEST:
            return motion
        middle = position.mean(axis=0)
        matrix, vector = normal_equations(
            position - middle,
            self.target.normal[self._partner],
            height=self._heights(position),
            weight=weight,
        )
        matrix += RIDGE * np.trace(matrix) * np.eye(6)
        step = np.asarray(np.linalg.solve(matrix, -vector), np.float64)
        return about(middle, step) @ motion

    def information(self, motion: Doubles, nu: float) -> tuple[Doubles, Doubles]:
        """Return the matrix of the normal equations for twists about a middle, and the middle."""
        weight = np.exp(-((self.distances(motion) / nu) ** 2) / 2)
        position = moved(motion, self.points)
        middle = position.mean(axis=0)
        normal = self.target.normal[self._partner]
        return normal_equations(position - middle, normal, height=0 * weight, weight=weight)[
            0
        ], middle

    def _heights(self, position: Doubles) -> Doubles:
        """Return signed distances to the planes, with shape ``(N,)``."""
        gap = position - self.target.pos[self._partner]
        return np.asarray(np.einsum("nc,nc->n", gap, self.target.normal[self._partner]))


def about(middle: Doubles, twist: Doubles) -> Doubles:
    """Return the motion, with shape ``(4, 4)``, of a twist about a point with shape ``(3,)``."""
    motion = exp(twist)
    motion[:3, 3] += middle - motion[:3, :3] @ middle
    return motion


def normal_equations(
    position: Doubles, normal: Doubles, *, height: Doubles, weight: Doubles
) -> tuple[Doubles, Doubles]:
    """Return the matrix ``(6, 6)`` and vector ``(6,)`` of least squares for a small twist.

    Args:
        position: Points, with shape ``(N, 3)``.
        normal: Normals of their planes, with shape ``(N, 3)``.
        height: Heights above their planes, with shape ``(N,)``.
        weight: Weights of the squared heights, with shape ``(N,)``.
    """
    lever = np.hstack([np.cross(position, normal), normal])
    weighted = lever * weight[:, None]
    return weighted.T @ lever, weighted.T @ height
