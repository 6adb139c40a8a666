"""Subsamples of clouds, and registration targets with search trees, features and distance map.

A target computes trees, features and map once, on first use, for all clouds that are registered on
the target.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from gmanet.cloud import Cloud, Doubles, Floats, extent
from gmanet.geometry.fpfh import HISTOGRAM, fpfh
from gmanet.geometry.jit import compiled
from gmanet.geometry.neighbors import farthest_points
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.se3 import parts
from gmanet.geometry.search.closest import Closest
from gmanet.geometry.search.grid import grid_nearest

__all__ = [
    "MATCHED",
    "DistanceMap",
    "Subsample",
    "Surface",
    "Target",
    "canonical_order",
    "subsample",
]

POINTS = 16384
"""Points in the subsample of a target."""

MATCHED = 2048
"""Number of points with FPFH, which are the target's candidates for matches."""

CELLS = 64
"""Number of cells of the distance map along each edge."""

FAR = 0.1
"""Largest distance in the map, as a share of the extent, so that missing parts weigh little."""

DENSE = 0.9
"""Quantile of the points' nearest-neighbor distances that is taken as their spacing."""


@dataclass(frozen=True, eq=False)
class Subsample:
    """A centered cloud in the order of farthest point sampling, in extents.

    Args:
        points: Coordinates, with shape ``(N, 3)``; every prefix covers the cloud.
        normal: Unit normals of either sign, with shape ``(N, 3)``.
    """

    points: Doubles
    normal: Doubles

    def describe(self, count: int) -> Floats:
        """Return the FPFH of the first points, with shape ``(count, 33)``.

        Normals are flipped to point away from the centroid, so that their signs do not matter.
        """
        pos = self.points[:MATCHED].astype(np.float32)
        normal = self.normal[: len(pos)].astype(np.float32)
        outward = np.einsum("nc,nc->n", pos, normal) >= 0
        rows = np.arange(min(count, len(pos)))
        normal = np.where(outward[:, None], normal, -normal)
        return fpfh(pos, normal, counts=[HISTOGRAM[0]], radius=HISTOGRAM[1], query=rows)


@dataclass(frozen=True, eq=False, kw_only=True)
class Surface:
    """The target's points with normals, as ICP needs them.

    Args:
        nearest: Search for the nearest point of queries with shape ``(..., 3)``.
        points: Coordinates, with shape ``(N, 3)``.
        normal: Unit normals, with shape ``(N, 3)``.
        spacing: Distance between neighboring points, in extents.
        spread: Standard deviation of the normal clouds at each point, in extents, with shape
            ``(N,)``; None if it is unknown.
    """

    nearest: Closest
    points: Doubles
    normal: Doubles
    spacing: float
    spread: Doubles | None = None

    @cached_property
    def weight(self) -> Doubles | None:
        """Weights of the points in ICP, at most 1: smaller where normal clouds differ much."""
        if self.spread is None:
            return None
        return np.minimum((np.median(self.spread) / self.spread) ** 2, 1.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class DistanceMap:
    """Distances to a target on a grid of cells, all lengths in extents.

    Args:
        low: Lower corner of the grid, with shape ``(3,)``.
        cell: Edge of a cell.
        distance: Distance of each cell, ``FAR`` at most, with shape ``(CELLS ** 3,)``.
    """

    low: Doubles
    cell: float
    distance: Floats

    def __call__(self, motions: Doubles, points: Doubles) -> Floats:
        """Return the distances of moved points, accurate to one cell, with shape ``(C, N)``.

        Args:
            motions: Motions of the points, with shape ``(C, 4, 4)``.
            points: With shape ``(N, 3)``.
        """
        rotation, translation = parts(motions)
        out = np.empty((len(rotation), len(points)), dtype=np.float32)
        _lookup(rotation, translation, points.T.copy(), self.low, self.cell, self.distance, out)
        return out


@compiled
def _lookup(
    rotation: Doubles,
    translation: Doubles,
    points: Doubles,
    low: Doubles,
    cell: float,
    distance: Floats,
    out: Floats,
) -> None:
    """Fill in the distances of points with shape ``(3, N)``."""
    index = np.empty(points.shape[1], dtype=np.int64)
    last = np.float64(CELLS - 1)
    for pose in range(len(rotation)):
        index[:] = 0
        for axis in range(3):
            a, b, c = rotation[pose, axis]
            along, corner = translation[pose, axis], low[axis]
            for at in range(points.shape[1]):
                x, y, z = points[0, at], points[1, at], points[2, at]
                coordinate = (a * x + b * y + c * z + along - corner) / cell
                index[at] = index[at] * CELLS + np.int64(min(max(coordinate, 0.0), last))
        for at in range(points.shape[1]):
            out[pose, at] = distance[index[at]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Target(Subsample):
    """The reference cloud of a registration.

    Args:
        points: Coordinates about the centroid in extents, with shape ``(N, 3)``.
        normal: Unit normals of either sign, with shape ``(N, 3)``.
        centroid: The centroid in the unit of the cloud, with shape ``(3,)``.
        length: Extent of the cloud (:func:`gmanet.cloud.extent`), in the unit of the cloud.
        spread: Standard deviation of the normal clouds at each point, in extents, with shape
            ``(N,)``; None if the target is a single cloud.
        symmetries: Motions that nearly map the target onto itself (``registration.symmetry``), the
            identity first, with shape ``(C, 4, 4)``; None if they were not searched yet.
    """

    centroid: Doubles
    length: float
    spread: Doubles | None = None
    symmetries: Doubles | None = None

    @classmethod
    def of(cls, pos: Floats) -> Target:
        """Return the target that is made of a cloud with shape ``(N, 3)``.

        Raises:
            InputError: A cloud that :meth:`gmanet.cloud.Cloud.checked` refuses.
        """
        rows = canonical_order(pos, "registration, target")
        length = extent(rows)
        chosen, centroid = subsample(rows, length, count=POINTS)
        return cls(points=chosen.points, normal=chosen.normal, centroid=centroid, length=length)

    @cached_property
    def features(self) -> Floats:
        """The FPFH of the first ``MATCHED`` points, with shape ``(M, 33)``."""
        return self.describe(MATCHED)

    @cached_property
    def distances(self) -> DistanceMap:
        """The map of distances that ranks initial poses."""
        low = self.points.min(axis=0) - FAR
        cell = float((self.points.max(axis=0) + FAR - low).max()) / CELLS
        empty = np.ones((CELLS, CELLS, CELLS), dtype=bool)
        empty[tuple(((self.points - low) / cell).astype(np.int64).T)] = False
        distance = np.minimum(cell * distance_transform_edt(empty), FAR).astype(np.float32)
        return DistanceMap(low=low, cell=cell, distance=distance.ravel())

    @cached_property
    def _surfaces(self) -> dict[int, Surface]:
        return {}

    def surface(self, count: int) -> Surface:
        """Return the surface of the first ``count`` points."""
        if count not in self._surfaces:
            points, normal = self.points[:count], self.normal[:count]
            apart = np.asarray(cKDTree(points).query(points, k=2)[0])[:, 1]
            spacing = float(np.quantile(apart, DENSE))
            self._surfaces[count] = Surface(
                nearest=Closest(points, spacing),
                points=points,
                normal=normal,
                spacing=spacing,
                spread=None if self.spread is None else self.spread[:count],
            )
        return self._surfaces[count]


def canonical_order(pos: Floats, source: str) -> Floats:
    """Return checked points in lexicographic order, so that results do not depend on row order."""
    checked = Cloud(np.asarray(pos)).checked(source).pos
    order = np.argsort(checked[:, 2])
    height = checked[order, 2]
    equal = np.flatnonzero(height[1:] == height[:-1])
    equal = np.union1d(equal, equal + 1)  # few rows have ties in z
    some = order[equal]
    order[equal] = some[np.lexsort(checked[some].T)]
    return checked[order]


def subsample(pos: Floats, length: float, *, count: int) -> tuple[Subsample, Doubles]:
    """Return a subsample of a cloud in units of ``length``, and the centroid that was subtracted.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        length: Unit of the result, in the unit of ``pos``.
        count: Largest number of points in the subsample.
    """
    centroid = pos.mean(axis=0, dtype=np.float64)
    centered = ((pos - centroid) / length).astype(np.float32)
    chosen = centered[farthest_points(centered, count)]
    neighbors = int(np.clip(round(12 * len(pos) / len(chosen)), 12, 48))
    axes = principal_axes(
        centered, chosen, neighbors=grid_nearest(centered, chosen, count=neighbors)[1]
    )[1]
    return Subsample(chosen.astype(np.float64), axes[:, :, 0].astype(np.float64)), centroid
