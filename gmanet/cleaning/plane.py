"""A plane by consensus: RANSAC with a fixed seed (Fischler and Bolles 1981), then least squares."""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Doubles

__all__ = ["consensus_plane"]

TRIALS, TRIED = 300, 1000
"""Number of planes that are tried, and of points that judge them."""
ROUNDS = 4
"""Rounds of least squares, each on the points within a falling distance."""


def consensus_plane(
    points: Doubles, *, near: float, floor: float, sigmas: float
) -> tuple[Doubles, Doubles, float] | None:
    """Return a point and the unit normal of a plane, and the largest distance of its points.

    None if fewer than three points lie on the plane.

    Args:
        points: Coordinates, with shape ``(N, 3)``.
        near: Largest distance of RANSAC's inliers from a plane, in the unit of the points.
        floor: Least distance up to which points belong to the plane, in this unit.
        sigmas: The same distance in robust standard deviations of the inliers.
    """
    origin, normal = _ransac(points[:: max(1, len(points) // TRIED)], near)
    spread = near
    for _ in range(ROUNDS):
        distance = np.abs((points - origin) @ normal)
        inside = points[distance < spread]
        if len(inside) < 3:
            return None
        origin = inside.mean(axis=0)
        normal = np.linalg.svd(inside - origin, full_matrices=False)[2][2]
        deviation = 1.4826 * np.median(np.abs((inside - origin) @ normal))
        spread = min(spread, max(sigmas * float(deviation), floor))
    return origin, normal, spread


def _ransac(points: Doubles, near: float) -> tuple[Doubles, Doubles]:
    """Return a point and the unit normal of the plane with the least truncated distances."""
    rng = np.random.default_rng(0)
    a, b, c = points[rng.integers(len(points), size=(3, TRIALS))]
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal /= np.where(length > 0, length, 1)
    distance = np.abs(points @ normal.T - np.einsum("tk,tk->t", a, normal))
    cost = np.where(length[:, 0] > 0, np.minimum(distance, near).sum(axis=0), np.inf)
    best = int(np.argmin(cost))
    return a[best], normal[best]
