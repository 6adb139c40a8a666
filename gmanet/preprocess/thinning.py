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

from gmanet.cloud import Cloud, Floats, Indices
from gmanet.geometry.fpfh import HISTOGRAM, diameter, fpfh
from gmanet.geometry.frames import principal_axes
from gmanet.geometry.grid import nearest_even
from gmanet.geometry.neighbors import farthest_points

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
"""Distances count up to this fraction of the diameter: what is missing cannot outweigh the rest."""

BESIDE = 0.05
"""Most places are nearer to the points, in diameters: what the search tries first."""

DENSE = 0.9
"""Quantile of the points' distances to the next that says how far apart they lie."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Thinned:
    """A cloud in the order of farthest point sampling, near the origin, in diameters.

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
        tree: Of the points.
        points: With shape ``(N, 3)``.
        normal: With shape ``(N, 3)``.
        spacing: How far apart the points lie.
    """

    tree: cKDTree
    points: Doubles
    normal: Doubles
    spacing: float

    def nearest(self, places: Doubles) -> Indices:
        """Return the nearest point to each place, for places with shape ``(..., 3)``, ``(...)``."""
        at = np.asarray(self.tree.query(places, distance_upper_bound=BESIDE)[1])
        if (far := at == self.tree.n).any():  # a tree that knows a bound takes half the time
            at[far] = self.tree.query(places[far])[1]
        return at


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

    def __call__(self, places: Doubles) -> Floats:
        """Return the distances of places with shape ``(..., 3)``, to within a cell, ``(...)``."""
        index = np.clip((places - self.low) / self.cell, 0, CELLS - 1).astype(np.int64)
        x, y, z = np.moveaxis(index, -1, 0)
        return np.asarray(self.distance[(x * CELLS + y) * CELLS + z])


@dataclass(frozen=True, eq=False)
class Target(Thinned):
    """The cloud that others are laid on.

    Args:
        points: Coordinates about the centroid in diameters, with shape ``(N, 3)``.
        normal: Unit normals of either sign, with shape ``(N, 3)``.
        middle: The centroid in the unit of the cloud, with shape ``(3,)``.
        length: The diameter in the unit of the cloud.
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
        length = diameter(place)
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
            tree = cKDTree(points)
            apart = np.asarray(tree.query(points, k=2)[0])[:, 1]
            spacing = float(np.quantile(apart, DENSE))
            self._surfaces[count] = Surface(tree, points, normal, spacing)
        return self._surfaces[count]


def in_order(pos: Floats, source: str) -> Floats:
    """Return checked points in an order of their own: sums then round alike for any row order."""
    checked = Cloud(np.asarray(pos)).checked(source).pos
    return checked[np.lexsort(checked.T)]


def thinned(pos: Floats, length: float, count: int) -> tuple[Thinned, Doubles]:
    """Return a cloud in units of ``length`` about its centroid, and the centroid."""
    middle = pos.mean(axis=0, dtype=np.float64)
    place = ((pos - middle) / length).astype(np.float32)
    kept = place[farthest_points(place, count)]
    around = int(np.clip(round(12 * len(pos) / len(kept)), 12, 48))
    axes = principal_axes(place, kept, nearest_even(place, kept, around)[1])[1]
    return Thinned(kept.astype(np.float64), axes[:, :, 0].astype(np.float64)), middle
