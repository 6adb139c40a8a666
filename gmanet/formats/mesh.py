"""A check that the corners of a mesh are points of a scan, and no corners of a CAD model.

Scanners save triangles between neighboring points, so that the points cover the surface.  A CAD
model has corners only where faces meet.  A mesh is taken for a CAD model if most points are corners
of triangles, if triangles share corners, so that there are no more of these than triangles, and if

- the corners are too few to be scored, or
- they are fewer than ``COARSE``, and the surface is closed, or
- more than ``SHARE`` of the surface belongs to triangles that are far longer than the distance
  between as many points spread evenly.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gmanet.cloud import MIN_POINTS, Doubles, Indices
from gmanet.errors import InputError

__all__ = ["refuse_cad"]

COARSE = 1000
"""Number of corners of a closed surface below which a mesh is a CAD model."""
CLOSED = 0.99
"""Least share of the edges of a closed surface that two triangles have in common."""
MOST = 4 * COARSE
"""Number of triangles above which distinct corners are searched only if many are long."""
LONG, SHARE = 4.0, 0.3
"""A triangle is long if its longest edge exceeds ``LONG`` distances of evenly spread points."""


def refuse_cad(path: Path, pos: Doubles, triangles: Indices) -> None:
    """Raise an error if a mesh is a CAD model.

    Args:
        path: Source file, named in the error.
        pos: Corners, with shape ``(N, 3)``.
        triangles: Indices of the corners of the triangles, with shape ``(T, 3)``.

    Raises:
        InputError: The corners do not cover the surface; the sentence says how to use the model.
    """
    if not len(triangles) or not np.isfinite(pos).all():
        return
    if 2 * len(np.unique(triangles)) < len(pos):
        return
    corners = pos[triangles]
    if len(triangles) > MOST and _long_share(corners, len(triangles) // 2) <= SHARE:
        return
    distinct, which = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    count = len(distinct)
    closed = count < COARSE and _is_closed(which.reshape(-1, 3))
    long = _long_share(corners, count) > SHARE
    if len(triangles) < count or not (count < MIN_POINTS or closed or long):
        return
    found = f"{count} corner points of {len(triangles)} triangles do not cover the surface"
    wanted = f"wanted a scan; a CAD model is the reference with data=cad data.root={path}"
    raise InputError(f"{path}: {found}, {wanted}")


def _is_closed(faces: Indices) -> bool:
    """Return whether nearly every edge belongs to two triangles."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    times = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)[1]
    return bool(np.mean(times == 2) >= CLOSED)


def _long_share(corners: Doubles, count: int) -> float:
    """Return the share of the area that belongs to long triangles."""
    edges = corners - np.roll(corners, 1, axis=1)
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2
    total = float(area.sum())
    if not 0 < total < np.inf:
        return 0.0
    longest = np.linalg.norm(edges, axis=2).max(axis=1)
    return float(area[longest > LONG * np.sqrt(total / count)].sum() / total)
