r"""Poses of many views from the links between pairs of views, by least squares.

The links of views around a turntable form a loop, whose concatenated motions should be the
identity.  The remaining error is distributed over all links, mostly along their least determined
motions [Lu and Milios, Autonomous Robots 1997].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from gmanet.cloud import Doubles
from gmanet.geometry.se3 import adjoint, exp, inverse, log

__all__ = ["Measured", "closure", "solve_poses"]

STEPS = 10
"""Number of Gauss-Newton steps; few are needed."""

RIDGE = 1e-9
"""Regularization: share of the matrix's trace that is added to its diagonal."""


class Measured(Protocol):
    """A measured motion between two views."""

    @property
    def motion(self) -> Doubles:
        """Motion from source to target, with shape ``(4, 4)``."""

    @property
    def information(self) -> Doubles:
        """Information matrix for twists in the target's frame, with shape ``(6, 6)``."""


def solve_poses(links: Mapping[tuple[int, int], Measured], count: int) -> Doubles:
    """Return each view's motion into the frame of view 0, with shape ``(V, 4, 4)``.

    Args:
        links: Links by (source, target), which connect all views.
        count: Number of views.
    """
    poses = _chained(links, count)
    for _ in range(STEPS):
        matrix, vector = np.zeros((count, 6, count, 6)), np.zeros((count, 6))
        for (i, j), link in links.items():
            error, weight = _error(link, poses[i], target=poses[j])
            for one, sign in ((i, -1.0), (j, 1.0)):
                vector[one] += sign * weight @ error
                for two, other in ((i, -1.0), (j, 1.0)):
                    matrix[one, :, two] += sign * other * weight
        flat = matrix[1:, :, 1:].reshape(6 * count - 6, -1)
        flat += RIDGE * np.trace(flat) * np.eye(len(flat))
        solved = np.linalg.solve(flat, -vector[1:].ravel())
        steps = np.asarray(solved, np.float64).reshape(-1, 6)
        poses[1:] = [exp(step) @ pose for step, pose in zip(steps, poses[1:], strict=True)]
    return poses


def closure(links: Mapping[tuple[int, int], Measured], poses: Doubles, *, points: int) -> float:
    """Return the largest motion of a link's points along their normals by closing the loop.

    Args:
        links: Links by (source, target).
        poses: Result of :func:`solve_poses`.
        points: Number of points in the information matrix of each link.
    """
    moved = [0.0]
    for (i, j), link in links.items():
        error, weight = _error(link, poses[i], target=poses[j])
        moved.append(float(np.sqrt(max(float(error @ weight @ error), 0.0) / points)))
    return max(moved)


def _error(link: Measured, source: Doubles, *, target: Doubles) -> tuple[Doubles, Doubles]:
    """Return the twist, in the common frame, from a link to the poses, and its information."""
    error = log(target @ link.motion @ inverse(source))
    change = adjoint(inverse(target))
    return error, change.T @ link.information @ change


def _chained(links: Mapping[tuple[int, int], Measured], count: int) -> Doubles:
    """Return poses from concatenated links, starting at view 0."""
    poses: dict[int, Doubles] = {0: np.eye(4)}
    left: Sequence[tuple[int, int]] = list(links)
    while len(poses) < count:
        for i, j in left:
            if j in poses and i not in poses:
                poses[i] = poses[j] @ links[i, j].motion
            elif i in poses and j not in poses:
                poses[j] = poses[i] @ inverse(links[i, j].motion)
        rest = [link for link in left if not (link[0] in poses and link[1] in poses)]
        if len(rest) == len(left):
            raise ValueError("views do not hang together")
        left = rest
    return np.stack([poses[index] for index in range(count)])
