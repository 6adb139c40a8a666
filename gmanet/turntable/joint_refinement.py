"""Joint refinement of all views, from all pairs that show common surface.

A Gauss-Newton step solves for the motions of all views but the first.  Nearest points are searched
before each step; heights above tangent planes have Welsch's weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from gmanet.cloud import Doubles, Indices
from gmanet.geometry.se3 import exp, inverse, moved, rotated
from gmanet.turntable.point_to_plane import normal_equations
from gmanet.turntable.view import View

__all__ = ["refined"]

NU = 3.0
"""Nu of Welsch's function, in standard deviations of the noise."""

REACH, FACING = 3.0, 0.8
"""Largest tangential distance of partners, in spacings of the target, and smallest absolute cosine
of the angle between their normals."""

FEWEST = 50
"""Smallest number of partners of a pair of views; pairs with fewer partners are ignored."""

STEPS = 12
"""Largest number of Gauss-Newton steps."""

STILL = 0.02
"""Largest motion of a view, as a share of the noise, at which the iteration ends."""

RIDGE = 1e-7
"""Regularization: share of the matrix's trace that is added to its diagonal."""


def refined(
    views: Sequence[View], rows: Sequence[Indices], *, poses: Doubles, steps: int = STEPS
) -> Doubles:
    """Return the views' motions into the frame of view 0, refined, with shape ``(V, 4, 4)``.

    Args:
        views: All views.
        rows: Indices of the compared points of each view.
        poses: Initial motions, with shape ``(V, 4, 4)``, near the solution.
        steps: Largest number of steps.
    """
    noise = max(view.noise for view in views)
    middle = moved(poses[0], views[0].pos[rows[0]]).mean(axis=0)
    home = np.eye(4)
    home[:3, 3] = -middle
    poses = home @ poses
    size = max(view.size for view in views)
    for _ in range(steps):
        twists = _step(views, rows, poses=poses)
        poses[1:] = [exp(twist) @ pose for twist, pose in zip(twists, poses[1:], strict=True)]
        if max(np.abs(twists[:, :3]).max() * size, np.abs(twists[:, 3:]).max()) < STILL * noise:
            break
    return inverse(home) @ poses


def _step(views: Sequence[View], rows: Sequence[Indices], *, poses: Doubles) -> Doubles:
    """Return the twists of all views but the first, with shape ``(V - 1, 6)``."""
    count = len(views)
    matrix, vector = np.zeros((count, 6, count, 6)), np.zeros((count, 6))
    for i, j in combinations(range(count), 2):
        found = _pair(views[i], rows[i], target=views[j], pose=poses[i], other=poses[j])
        if found is None:
            continue
        block, pull = found
        vector[i] += pull
        vector[j] -= pull
        matrix[i, :, i] += block
        matrix[j, :, j] += block
        matrix[i, :, j] -= block
        matrix[j, :, i] -= block
    flat = matrix[1:, :, 1:].reshape(6 * count - 6, -1)
    flat += RIDGE * np.trace(flat) * np.eye(len(flat))
    return np.asarray(np.linalg.solve(flat, -vector[1:].ravel()).reshape(-1, 6))


def _pair(
    source: View, rows: Indices, *, target: View, pose: Doubles, other: Doubles
) -> tuple[Doubles, Doubles] | None:
    """Return the normal equations of a pair of views; None without common surface."""
    motion = inverse(other) @ pose
    position = moved(motion, source.pos[rows])
    reach = 2 * REACH * target.spacing
    gap, partner = map(np.asarray, target.tree.query(position, distance_upper_bound=reach))
    found = np.flatnonzero(np.isfinite(gap))
    at = partner[found]
    normal = target.normal[at]
    height = np.einsum("nc,nc->n", position[found] - target.pos[at], normal)
    aside = np.sqrt(np.maximum(gap[found] ** 2 - height**2, 0))
    facing = np.einsum("nc,nc->n", rotated(motion, source.normal[rows[found]]), normal)
    same = target.inner[at] & (aside <= REACH * target.spacing) & (np.abs(facing) >= FACING)
    if same.sum() < FEWEST:
        return None
    nu = NU * max(source.noise, target.noise)
    weight = np.exp(-((height[same] / nu) ** 2) / 2)
    there = moved(other, position[found[same]])
    return normal_equations(there, rotated(other, normal[same]), height=height[same], weight=weight)
