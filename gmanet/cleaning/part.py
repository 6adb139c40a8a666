"""The part alone: without the table below it, and without other pieces beside it.

A table is a plane that most of the surface agrees on (RANSAC with a fixed seed, then least squares)
and that

- has the rest of the scan on one side only, much of it in one piece: the part;
- lies below a part that rises from it at once, and not gently as a bump of a plate;
- reaches beyond the part: the plane outside of the part's outline has at least twice the area of
  the outline, lies around most of it, and is longer and wider than the part is long, wide and high.

A flange that is seen from one side, with nothing of the rim, may look the same.

What then lies beside the part is found by ``gmanet.cleaning.pieces``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.spatial import ConvexHull, cKDTree

from gmanet.cleaning.octree import octree_sample
from gmanet.cleaning.pieces import largest_piece, own_pieces
from gmanet.cleaning.plane import consensus_plane
from gmanet.cloud import Doubles, Floats, Labels

__all__ = ["Kept", "keep_part"]

FINE = 80
"""Number of cells along the scan in which the table is searched."""
NEAR, FLOOR, SIGMAS = 0.01, 0.002, 6.0
"""Largest distance of a plane's points at first and at last, in sizes, and in deviations."""
BELOW = 0.02
"""Largest number of points below a table, relative to those above."""
IN_PIECE = 0.25
"""Least share of the points above a table in one piece: a part, and no letters on a plate."""
RISE = 3.0
"""Least height of a part above a table, in thicknesses of the table."""
STEEP = 0.75
"""Least slope with which a part rises from a table."""
SPACED = 3.0
"""Edge of a square that holds points, in median distances between neighbors."""
OUTSIDE, LONGER = 2.0, 1.3
"""Least area of a table outside of the part's outline, and length, relative to the part's."""
FEW = 40
"""Least number of cells above a table that may be a part."""
SECTORS, AROUND = 36, 0.7
"""Number of directions, and least share of them in which the table reaches beyond the part."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Kept:
    """Which points of a scan are the part's.

    Args:
        part: True for points of the part, with shape ``(N,)``.
        table: True for points of the table and below it, with shape ``(N,)``.
    """

    part: Labels
    table: Labels


def keep_part(pos: Floats, *, table: bool = True, pieces: bool = True) -> Kept:
    """Return which points are the part's and which the table's; all others are beside the part.

    Args:
        pos: Coordinates without single outliers, with shape ``(N, 3)``.
        table: Whether to search a table.
        pieces: Whether to leave out pieces beside the part.
    """
    lower = _table(pos) if table else np.zeros(len(pos), np.bool_)
    part = ~lower
    if pieces:
        part[part] = own_pieces(pos[part])
    return Kept(part=part, table=lower)


def _table(pos: Floats) -> Labels:
    """Return True for points of the table and below it, all False without a table."""
    size = float(np.ptp(pos, axis=0).max())
    cell = size / FINE
    points = pos[octree_sample(pos, cell)].astype(np.float64)
    none = np.zeros(len(pos), np.bool_)
    plane = consensus_plane(points, near=NEAR * size, floor=FLOOR * size, sigmas=SIGMAS)
    if plane is None:
        return none
    origin, normal, reach = plane
    height = (points - origin) @ normal
    if (height > reach).sum() < (height < -reach).sum():
        normal, height = -normal, -height
    on, above = np.abs(height) <= reach, height > reach
    if (height < -reach).sum() > BELOW * above.sum() or above.sum() < FEW:
        return none
    part = np.flatnonzero(above)[largest_piece(points[above], 2 * cell)]
    if len(part) < IN_PIECE * above.sum() or height[part].max() < RISE * reach:
        return none
    across = np.linalg.svd(normal[None])[2][1:]
    flat, outline = points[on] @ across.T, points[part] @ across.T
    spacing = float(np.median(cKDTree(points).query(points, [2])[0]))
    if not _rises_at_once(outline, height[part] - reach, cell=max(cell, SPACED * spacing)):
        return none
    if not _reaches_beyond(flat, outline, high=float(height[part].max()), cell=cell):
        return none
    return np.asarray((pos.astype(np.float64) - origin) @ normal <= reach)


def _rises_at_once(part: Doubles, height: Doubles, *, cell: float) -> bool:
    """Return whether a part stands on a plane, and is no bump that rises gently out of it.

    At the border of the part, the highest points are ``STEEP`` times as high as a square is wide.

    Args:
        part: Points of the part, in the plane, with shape ``(M, 2)``.
        height: Heights above the plane, with shape ``(M,)``.
        cell: Edge of squares of the plane that each hold points.
    """
    place = np.floor((part - part.min(axis=0)) / cell).astype(np.int64) + 1
    top = np.full(place.max(axis=0) + 2, -np.inf)
    np.maximum.at(top, (place[:, 0], place[:, 1]), height)
    covered = np.isfinite(top)
    border = covered & ~binary_erosion(covered)
    return bool(np.median(top[border]) >= STEEP * cell)


def _reaches_beyond(plane: Doubles, part: Doubles, *, high: float, cell: float) -> bool:
    """Return whether a plane reaches beyond a part of some height.

    Args:
        plane: Points of the plane, in the plane, with shape ``(N, 2)``.
        part: Points of the part, in the plane, with shape ``(M, 2)``.
        high: Height of the part above the plane.
        cell: Distance between neighboring points.
    """
    outline = ConvexHull(part, qhull_options="QJ")
    normals, offsets = outline.equations[:, :2], outline.equations[:, 2]
    outside = plane[((plane @ normals.T + offsets) > cell).any(axis=1)]
    if len(outside) * cell**2 < OUTSIDE * outline.volume:  # the area, in two dimensions
        return False
    axes = np.linalg.eigh(np.cov(plane.T))[1]
    sizes = np.maximum(np.ptp(part @ axes, axis=0), high)
    if (np.ptp(plane @ axes, axis=0) < LONGER * sizes).any():
        return False
    x, y = (outside - part[outline.vertices].mean(axis=0)).T
    sectors = np.floor(np.arctan2(y, x) / (2 * np.pi) * SECTORS).astype(np.int64) % SECTORS
    return len(np.unique(sectors)) >= AROUND * SECTORS
