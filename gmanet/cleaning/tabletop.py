"""Removal of the table that a part was scanned on: a robust plane, and the points above it.

A scan is organized: ``(H, W, 3)`` coordinates in the camera's frame, ``0 0 0`` where nothing was
measured.  The table is the plane that most points near the picture's border agree on (RANSAC, then
least squares).  The part is what is nearer to the
camera than the table, without specks and without pieces that reach the edge of the picture (rails,
clamps).  Labels have no influence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, label, minimum

from gmanet.cleaning.plane import consensus_plane
from gmanet.cloud import Floats, Labels

__all__ = ["Plane", "find_table", "part_on_table"]

BORDER = 0.1
"""Width of the border on each side, as a fraction of the picture's width."""
NEAR = 0.015
"""Largest distance of RANSAC's inliers from a plane, as a fraction of the scene's diagonal."""
AGREE = 0.4
"""Least share of the border's points that lie on the plane of a table."""
SIGMAS, FLOOR = 6.0, 0.003
"""Height up to which points belong to the table, in standard deviations of the table's noise.

The height is at least ``FLOOR`` times the scene's diagonal.
"""
BRIDGE = 2
"""Width, in pixels, of gaps that do not separate pieces of a part."""
AROUND = np.ones((3, 3), np.bool_)
SPECK = 0.01
"""Size of a piece below which it is a speck, as a fraction of the largest piece."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Plane:
    """The table.

    Args:
        normal: Unit normal toward the camera, with shape ``(3,)``.
        height: Height of the camera's origin above the table, in the unit of the points.
        reach: Height up to which points belong to the table, in the unit of the points.
    """

    normal: npt.NDArray[np.float64]
    height: float
    reach: float

    def heights(self, pos: Floats) -> npt.NDArray[np.float64]:
        """Return the heights of points above the table, without the last axis of ``pos``."""
        return np.asarray(pos.astype(np.float64) @ self.normal + self.height)


def find_table(grid: Floats, valid: Labels) -> Plane | None:
    """Return the table; None if the points near the border are too few or lie in no plane.

    Args:
        grid: Coordinates in the camera's frame, with shape ``(H, W, 3)``.
        valid: True where a pixel was measured, with shape ``(H, W)``.
    """
    edge = np.ones_like(valid)
    rows, columns = (max(1, round(BORDER * size)) for size in valid.shape)
    edge[rows:-rows, columns:-columns] = False
    border = grid[valid & edge].astype(np.float64)
    if len(border) < 100:
        return None
    diagonal = float(np.linalg.norm(np.ptp(grid[valid], axis=0)))
    plane = consensus_plane(border, near=NEAR * diagonal, floor=FLOOR * diagonal, sigmas=SIGMAS)
    if plane is None:
        return None
    origin, normal, spread = plane
    if np.mean(np.abs((border - origin) @ normal) < spread) < AGREE:
        return None
    normal = -normal if normal @ origin > 0 else normal
    return Plane(normal=normal, height=float(-(normal @ origin)), reach=spread)


def part_on_table(grid: Floats, valid: Labels) -> Labels:
    """Return True where a pixel shows the part, ``(H, W)``; every valid pixel without a table.

    Args:
        grid: Coordinates in the camera's frame, with shape ``(H, W, 3)``.
        valid: True where a pixel was measured, with shape ``(H, W)``.
    """
    table = find_table(grid, valid)
    if table is None:
        return valid
    above = valid & (table.heights(grid) > table.reach)
    pieces, count = label(binary_dilation(above, AROUND, BRIDGE // 2), AROUND)
    if count == 0:
        return above
    pieces = np.where(above, pieces, 0)
    size = np.bincount(pieces.ravel(), minlength=count + 1)
    size[0] = 0
    inside = np.zeros(count + 1, bool)
    middle = np.zeros_like(valid)
    middle[1:-1, 1:-1] = True
    inside[1:] = minimum(middle, pieces, np.arange(1, count + 1))
    part = inside & (size >= SPECK * size.max())
    if not part.any():  # the part itself reaches the edge of the picture
        part = size == size.max()
    part[0] = False
    return np.asarray(part[pieces] & (size[pieces] >= SPECK * size[part].max()))
