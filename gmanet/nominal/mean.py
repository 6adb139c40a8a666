"""Signed deviations from the mean of good scans that were registered on one of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles, Floats, Indices
from gmanet.geometry.poisson import outward

__all__ = ["MeanPart"]

NEAREST = 32
"""Number of points, of all scans together, whose tangent planes are averaged."""

ORIENTED = 8192
"""Largest number of points whose normals are made to point outward together."""

NEIGHBORS = 16
"""Number of nearest points to which a normal is compared."""

FAR = 0.02
"""Distance, in extents, beyond which the distance to the nearest point is taken."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MeanPart:
    """Points of registered good scans; their mean surface is the nominal shape.

    Args:
        points: Coordinates in any unit, with shape ``(T, 3)``.
        normal: Unit normals of either sign, with shape ``(T, 3)``.
        owner: Number of the scan that each point is from, with shape ``(T,)``.
        extent: Extent of the part in this unit.
    """

    points: Floats
    normal: Floats
    owner: Indices
    extent: float

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.points)

    @cached_property
    def _outward(self) -> Floats:
        """The normals, pointing outward as a whole, with shape ``(T, 3)``.

        They are right for whole parts.  Those of scans from one side may all point inward.
        """
        first = np.flatnonzero(self.owner == self.owner[0])  # one scan is one sheet
        rows = np.sort(np.random.default_rng(0).permutation(first)[:ORIENTED])
        points, normal = self.points[rows], self.normal[rows]
        tree = cKDTree(points)
        near = np.asarray(tree.query(points, k=min(NEIGHBORS, len(points)))[1], np.int64)
        out = outward(points, normal, neighbors=near)
        same = out[np.asarray(tree.query(self.points)[1])]
        sign = np.where(np.einsum("nc,nc->n", same, self.normal) < 0, np.float32(-1), np.float32(1))
        return np.asarray(sign[:, None] * self.normal)

    def deviation(self, pos: Doubles | Floats) -> Doubles:
        """Return the signed distance of points from the mean surface, ``(N,)``, positive outside.

        Far from the surface it is the distance to the nearest point.

        Args:
            pos: Points in the coordinates and the unit of the mean part, with shape ``(N, 3)``.
        """
        wanted = np.arange(1, min(NEAREST, len(self.points)) + 1)
        distance, index = map(np.asarray, self._tree.query(pos, wanted))
        normal = self._outward[index]
        height = np.einsum("nkc,nkc->nk", pos[:, None] - self.points[index], normal)
        alike = np.einsum("nkc,nc->nk", normal, normal[:, 0]) > 0  # not the other side of a wall
        mean = (alike * height).sum(axis=1) / np.maximum(alike.sum(axis=1), 1)
        far = distance[:, 0] > np.maximum(FAR * self.extent, 0.7 * distance[:, -1])
        mean[far] = np.where(mean[far] < 0, -1.0, 1.0) * distance[far, 0]
        return np.asarray(mean, dtype=np.float64)
