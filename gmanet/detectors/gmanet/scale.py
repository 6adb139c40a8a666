"""Physical sizes of neighborhoods, learned from normal clouds.

The descriptors of a scan with half of the points, with uneven density or with missing surface must
describe neighborhoods of the same size as those of the normal clouds.  Subsets of the farthest
point sampling therefore end at a spacing, not at a number of points, and neighborhoods at a
radius.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gmanet.cleaning.outliers import flying
from gmanet.cloud import Floats, Indices
from gmanet.datasets.base import CloudDataset
from gmanet.geometry.neighbors import farthest_sampling
from gmanet.geometry.search.grid import grid_nearest

__all__ = [
    *("COARSE", "NEIGHBORS", "SMOOTHING", "SUBSETS", "Scale", "StoredScale"),
    *("normal_count", "within"),
]

SUBSETS = (1, 4, 16, 48)
"""Ratios of the subsample's size to the sizes of the four subsets that neighborhoods come from."""

NEIGHBORS = 32
"""Number of neighbors in a histogram and in the group of a set abstraction."""

SMOOTHING = (24, 128)
"""Numbers of close and of all neighbors over which descriptors are averaged around a center."""

COARSE = 4096
"""Number of coarse points: the first points of the sampling, which carry coarse histograms."""

SLACK = 1.1
"""Largest distance of a neighbor, in radii of the neighborhood."""

FEWEST = 8
"""Number of nearest points that are neighbors at any distance."""

LEAST = 64
"""Least number of points in a subset, where the cloud has that many."""

DENSE = 1.3
"""Least number of points of a cloud, relative to the subsample, whose spacing limits the finest
subset; the finest subset of a cloud with fewer points has all its points."""

WHOLE = 0.97
"""Least number of coarse points of a cloud that lacks no surface, relative to normal clouds."""

MEASURED = 6
"""Number of normal clouds whose sizes are measured."""

QUERIES = 1024
"""Number of points of a cloud at which radii are measured."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Sizes of neighborhoods, lengths in the unit of the clouds.

    Args:
        spacing: Least spacing of the points in each of the four subsets.
        coarse_spacing: Least spacing of the coarse points.
        radius: Radius of the neighborhoods in each of the four subsets.
        pool_radius: Radius of the neighborhoods over which descriptors are averaged.
        coarse_radius: Radius of the neighborhoods of coarse points.
        normal_radius: Radius of the neighborhoods that normals are fitted to.
        support: Number of all neighbors that cover the area of one coarse point.
        coarse: Number of coarse points of a whole cloud.
    """

    spacing: tuple[float, ...]
    coarse_spacing: float
    radius: tuple[float, ...]
    pool_radius: float
    coarse_radius: float
    normal_radius: float
    support: float
    coarse: int

    @classmethod
    def of(cls, clouds: Iterable[Floats], points: int) -> Scale:
        """Return the median sizes of clouds.

        Args:
            clouds: Coordinates of normal clouds, ``(N, 3)`` each.
            points: Largest size of the subsample.
        """
        return cls.unpack(np.median([_measured(pos, points) for pos in clouds], axis=0))

    @classmethod
    def unpack(cls, sizes: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Scale:
        """Return the scale of measured sizes, with shape ``(14,)``."""
        count = len(SUBSETS)
        values = [float(size) for size in sizes]
        return cls(
            spacing=tuple(values[:count]),
            radius=tuple(values[count : 2 * count]),
            coarse_spacing=values[-6],
            pool_radius=values[-5],
            coarse_radius=values[-4],
            normal_radius=values[-3],
            support=values[-2],
            coarse=round(values[-1]),
        )

    def sizes(self, spacing: Floats) -> tuple[Indices, int]:
        """Return the number of points in each of the four subsets, and of the coarse points.

        Args:
            spacing: Spacings of a farthest point sampling, which decrease, with shape ``(P,)``.
        """
        limits = np.array([*self.spacing, self.coarse_spacing]) * (1 - 1e-3)
        found = np.searchsorted(-spacing, -limits, side="right")
        found = np.clip(found, min(LEAST, len(spacing)), len(spacing))
        return found[:-1], int(found[-1])

    def centers(self, whole: int, coarse: int) -> int:
        """Return the number of centers of a cloud, whose spacing is that of a whole cloud.

        Args:
            whole: Number of centers of a whole cloud.
            coarse: Number of coarse points of the cloud.
        """
        share = coarse / self.coarse
        return whole if share > WHOLE else max(round(whole * share), min(LEAST, whole))

    def support_of(self, coarse: int) -> int:
        """Return the number of all neighbors that cover the area of ``coarse`` coarse points."""
        return 1 if coarse == 1 else min(max(round(coarse * self.support), 1), SMOOTHING[1])


class StoredScale(nn.Module):
    """The scale of a category, stored with the weights of a detector."""

    values: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(2 * len(SUBSETS) + 6, dtype=torch.float64))

    def fit(self, clouds: CloudDataset, points: int) -> None:
        """Measure the sizes of some normal clouds, unless sizes are stored already."""
        if not self.values.any():
            some = range(0, len(clouds), max(1, len(clouds) // MEASURED))
            sizes = [_measured(clouds[index].pos, points) for index in some]
            self.values = torch.from_numpy(np.median(sizes, axis=0))

    @property
    def scale(self) -> Scale:
        """The stored scale."""
        if not self.values.any():
            raise RuntimeError("no scale yet: call the detector's prepare() first")
        return Scale.unpack(self.values.cpu().numpy())


def normal_count(points: int, subsample: int) -> int:
    """Return the number of points that a normal is fitted to.

    Args:
        points: Number of points of the cloud.
        subsample: Number of points of its subsample.
    """
    return int(np.clip(round(12 * points / subsample), 12, 48))


def within(distance: Floats, index: Indices, *, radius: float) -> Indices:
    """Return neighbors within a radius, evenly repeated to as many as were given, ``(Q, K)``.

    Args:
        distance: Distances to the nearest points, ascending, with shape ``(Q, K)``.
        index: These points, with shape ``(Q, K)``.
        radius: Radius of the neighborhood.
    """
    count = index.shape[1]
    inside = (distance <= SLACK * radius).sum(axis=1).clip(min(FEWEST, count))
    if (inside == count).all():
        return np.ascontiguousarray(index)
    slot = np.arange(count)[None] * inside[:, None] // count
    return np.take_along_axis(index, slot, axis=1)


def _measured(pos: Floats, points: int) -> list[float]:
    """Return the sizes of one cloud, in the order of :meth:`Scale.unpack`."""
    pos = (pos - pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
    pos = pos[~flying(pos)]
    chosen, spacing = farthest_sampling(pos, points)
    subsample, last = pos[chosen], len(chosen) - 1
    coarse = min(COARSE, len(chosen))
    subsets = [max(len(chosen) // subset, 2) for subset in SUBSETS]
    spacings = [float(spacing[min(size, last)]) for size in (*subsets, coarse)]
    if len(pos) < DENSE * points:
        spacings[0] = 0.0

    def radius(among: Floats, count: int) -> float:
        return float(np.median(grid_nearest(among, subsample[:QUERIES], count=count)[0][:, -1]))

    radii = [radius(subsample[:size], NEIGHBORS + 1) for size in subsets]
    return [
        *spacings[:-1],
        *radii,
        spacings[-1],
        radius(subsample, SMOOTHING[1]),
        radius(subsample[:coarse], SMOOTHING[0]),
        radius(pos, normal_count(len(pos), len(subsample))),
        len(chosen) / coarse,
        coarse,
    ]
