"""A cloud as registration reads it: a few of its points, their normals, and what follows of them.

A target's trees, features and map of distances are made when they are first wanted and kept, so
that many clouds are laid on one target at the cost of the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from gmanet.cloud import Cloud, Floats
from gmanet.geometry.fpfh import HISTOGRAM, fpfh
from gmanet.geometry.jit import compiled
from gmanet.geometry.neighbors import farthest_points
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.search.closest import Closest
from gmanet.geometry.search.grid import nearest_even
from gmanet.geometry.size import extent

__all__ = [
    "MATCHED",
    "DistanceMap",
    "Doubles",
    "Surface",
    "Target",
    "Thinned",
    "in_order",
    "thinned",
]

POINTS = 16384
"""Points of a target that are kept."""

MATCHED = 2048
"""Points that FPFH sees; those of a target that others are matched with."""

CELLS = 64
"""Cells of the distance map along each edge."""

FAR = 0.1
"""Distances count up to this fraction of the extent: what is missing cannot outweigh the rest."""

DENSE = 0.9
"""Quantile of the points' distances to the next that says how far apart they lie."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Thinned:
    """A cloud in the order of farthest point sampling, near the origin, in extents.

    Args:
        points: Coordinates, with shape ``(N, 3)``; every prefix covers the cloud.
        normal: Unit normals of either sign, with shape ``(N, 3)``.
    """

    points: Doubles
    normal: Doubles

    def described(self, count: int) -> Floats:
        """Return the FPFH of the first points, with shape ``(count, 33)``.

        Normals point outward, whatever sign they came with.
        """
        pos = self.points[:MATCHED].astype(np.float32)
        normal = self.normal[: len(pos)].astype(np.float32)
        outward = np.einsum("nc,nc->n", pos, normal) >= 0
        rows = np.arange(min(count, len(pos)))
        normal = np.where(outward[:, None], normal, -normal)
        return fpfh(pos, normal, [HISTOGRAM[0]], HISTOGRAM[1], rows)


@dataclass(frozen=True, eq=False)
class Surface:
    """Points with normals that ICP moves a cloud to.

    Args:
        nearest: Finds the nearest point to places with shape ``(..., 3)``, ``(...)``.
        points: With shape ``(N, 3)``.
        normal: With shape ``(N, 3)``.
        spacing: How far apart the points lie.
    """

    nearest: Closest
    points: Doubles
    normal: Doubles
    spacing: float


@dataclass(frozen=True, eq=False)
class DistanceMap:
    """Distances to a target in cells of its box.

    Args:
        low: The box's corner, with shape ``(3,)``.
        cell: Edge of a cell.
        distance: ``FAR`` at most, with shape ``(CELLS ** 3,)``.
    """

    low: Doubles
    cell: float
    distance: Floats

    def __call__(self, turn: Doubles, shift: Doubles, points: Doubles) -> Floats:
        """Return the distances of moved points to within a cell, with shape ``(C, N)``.

        Args:
            turn: Rotations, with shape ``(C, 3, 3)``.
            shift: What is added after turning, with shape ``(C, 3)``.
            points: With shape ``(N, 3)``.
        """
        out = np.empty((len(turn), len(points)), dtype=np.float32)
        _look_up(turn, shift, points.T.copy(), self.low, self.cell, self.distance, out)
        return out


@compiled
def _look_up(
    turn: Doubles,
    shift: Doubles,
    points: Doubles,
    low: Doubles,
    cell: float,
    distance: Floats,
    out: Floats,
) -> None:
    """Fill in the distances of points with shape ``(3, N)``."""
    index = np.empty(points.shape[1], dtype=np.int64)
    last = np.float64(CELLS - 1)
    for pose in range(len(turn)):
        index[:] = 0
        for axis in range(3):
            a, b, c = turn[pose, axis]
            along, corner = shift[pose, axis], low[axis]
            for at in range(points.shape[1]):
                x, y, z = points[0, at], points[1, at], points[2, at]
                place = (a * x + b * y + c * z + along - corner) / cell
                index[at] = index[at] * CELLS + np.int64(min(max(place, 0.0), last))
        for at in range(points.shape[1]):
            out[pose, at] = distance[index[at]]


@dataclass(frozen=True, eq=False)
class Target(Thinned):
    """The cloud that others are laid on.

    Args:
        points: Coordinates about the centroid in extents, with shape ``(N, 3)``.
        normal: Unit normals of either sign, with shape ``(N, 3)``.
        middle: The centroid in the unit of the cloud, with shape ``(3,)``.
        length: Extent of the cloud (``geometry.size.extent``), in its unit.
    """

    middle: Doubles
    length: float

    @classmethod
    def of(cls, pos: Floats) -> Target:
        """Return what registration keeps of a cloud with shape ``(N, 3)``.

        Raises:
            InputError: A cloud that :meth:`gmanet.cloud.Cloud.checked` refuses.
        """
        place = in_order(pos, "registration, target")
        length = extent(place)
        kept, middle = thinned(place, length, POINTS)
        return cls(kept.points, kept.normal, middle, length)

    @cached_property
    def features(self) -> Floats:
        """The FPFH of the points that others are matched with, with shape ``(M, 33)``."""
        return self.described(MATCHED)

    @cached_property
    def distances(self) -> DistanceMap:
        """The map that ranks start poses."""
        low = self.points.min(axis=0) - FAR
        cell = float((self.points.max(axis=0) + FAR - low).max()) / CELLS
        empty = np.ones((CELLS, CELLS, CELLS), dtype=bool)
        empty[tuple(((self.points - low) / cell).astype(np.int64).T)] = False
        distance = np.minimum(cell * distance_transform_edt(empty), FAR).astype(np.float32)
        return DistanceMap(low, cell, distance.ravel())

    @cached_property
    def _surfaces(self) -> dict[int, Surface]:
        return {}

    def surface(self, count: int) -> Surface:
        """Return the first points as ICP needs them."""
        if count not in self._surfaces:
            points, normal = self.points[:count], self.normal[:count]
            apart = np.asarray(cKDTree(points).query(points, k=2)[0])[:, 1]
            spacing = float(np.quantile(apart, DENSE))
            self._surfaces[count] = Surface(Closest(points, spacing), points, normal, spacing)
        return self._surfaces[count]


def in_order(pos: Floats, source: str) -> Floats:
    """Return checked points in an order of their own: sums then round alike for any row order."""
    checked = Cloud(np.asarray(pos)).checked(source).pos
    order = np.argsort(checked[:, 2])
    height = checked[order, 2]
    equal = np.flatnonzero(height[1:] == height[:-1])
    equal = np.union1d(equal, equal + 1)  # few: a sort by one coordinate does the rest
    some = order[equal]
    order[equal] = some[np.lexsort(checked[some].T)]
    return checked[order]


def thinned(pos: Floats, length: float, count: int) -> tuple[Thinned, Doubles]:
    """Return a cloud in units of ``length`` about its centroid, and the centroid."""
    middle = pos.mean(axis=0, dtype=np.float64)
    place = ((pos - middle) / length).astype(np.float32)
    kept = place[farthest_points(place, count)]
    around = int(np.clip(round(12 * len(pos) / len(kept)), 12, 48))
    axes = principal_axes(place, kept, nearest_even(place, kept, around)[1])[1]
    return Thinned(kept.astype(np.float64), axes[:, :, 0].astype(np.float64)), middle
