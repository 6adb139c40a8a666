"""The direction from which a place of a scan is seen best, and the view from there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles, Floats
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.orientation import Views, outward, views
from gmanet.geometry.pca import principal_axes

__all__ = ["Sides", "sides", "view_from"]

Rotation = npt.NDArray[np.float64]

POINTS = 2000
"""Largest number of points that are looked at from all around."""

NEIGHBORS = 12
"""Number of points of the plane that gives a normal."""

DIRECTIONS = 48
"""Number of directions that are tried."""

STEEPEST = 0.4
"""Least cosine of a direction with the normal of the place."""

TILT = 0.85
"""Preferred cosine: a relief shows better when it is not looked at straight on."""

PLACE = 24
"""Largest number of points that stand for a place."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """What is seen of a scan from all around.

    Args:
        pos: Points of the scan, with shape ``(M, 3)``.
        normal: Unit normals that point out of the part, with shape ``(M, 3)``.
        around: What is seen of these points.
    """

    pos: Doubles
    normal: Doubles
    around: Views

    def facing(self, place: Floats | Doubles) -> Doubles:
        """Return the direction from a place to the viewer who sees most of it, ``(3,)``.

        A one-sided scan is looked at from the side that it was scanned from.

        Args:
            place: Coordinates of the place, with shape ``(P, 3)``.
        """
        some = place[:: max(1, len(place) // PLACE)]
        rows = np.unique(np.asarray(cKDTree(self.pos).query(some)[1]))
        up = self.normal[rows].mean(axis=0)
        up /= max(float(np.linalg.norm(up)), 1e-9)
        cosine = self.around.directions @ up
        merit = self.around.seen[:, rows].mean(axis=1) - np.abs(cosine - TILT) / 2
        merit[cosine < STEEPEST] = -np.inf
        best = int(np.argmax(merit))
        return np.asarray(self.around.directions[best] if np.isfinite(merit[best]) else up)


def sides(pos: Floats) -> Sides:
    """Return what is seen of a scan from all around.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    some = np.arange(len(pos))
    if len(pos) > POINTS:
        some = np.sort(np.random.default_rng(0).choice(len(pos), POINTS, replace=False))
    points = pos[some].astype(np.float64)
    middle = points.mean(axis=0)
    level = (points - middle).astype(np.float32)
    index = nearest(level, level, count=min(NEIGHBORS, len(level)))[1]
    normal = principal_axes(level, level, neighbors=index)[1][:, :, 0].astype(np.float64)
    around = views(points - middle, count=DIRECTIONS)
    return Sides(pos=points, normal=outward(points, normal, around=around), around=around)


def view_from(direction: Doubles, pos: Floats) -> Rotation:
    """Return the view from a direction: rows point right, up and at the viewer, ``(3, 3)``.

    The longest axis of the part lies level.

    Args:
        direction: Unit vector from the part to the viewer, with shape ``(3,)``.
        pos: Coordinates, with shape ``(N, 3)``.
    """
    centered = pos.astype(np.float64) - pos.mean(axis=0, dtype=np.float64)
    axes = np.linalg.eigh(centered.T @ centered)[1].T[::-1]
    right = axes[0] - (axes[0] @ direction) * direction
    if np.linalg.norm(right) < 0.3:
        right = axes[1] - (axes[1] @ direction) * direction
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(direction, right), direction])
