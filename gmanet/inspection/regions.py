"""Regions of a scanned surface: area of each point, connected points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles, Floats, Indices, Labels

__all__ = ["Patches", "connected", "patches"]

NEIGHBORS = 8
"""Number of nearest points whose circle a point shares the surface with."""

REACH = 2.0
"""Largest gap between points of a region, in the usual radius of that circle."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Patches:
    """The share of the surface that each point stands for.

    Args:
        area: Area of each point, in the squared unit of the scan, with shape ``(N,)``; the areas
            add up to that of the scanned surface.
        reach: Largest gap between neighbors in a region, in the unit of the scan.
        neighbors: Indices of each point and of its nearest points, with shape ``(N, K + 1)``.
    """

    area: Doubles
    reach: float
    neighbors: Indices

    def smoothed(self, values: Floats) -> Floats:
        """Return the mean of each point's and its neighbors' values, with shape ``(N,)``."""
        return np.asarray(values[self.neighbors].mean(axis=1), dtype=np.float32)


def patches(pos: Floats) -> Patches:
    """Return the area of each point of a cloud.

    The circle about a point that holds ``k`` further points has ``k`` times the area of a point.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    count = min(NEIGHBORS, len(pos) - 1)
    distance, index = cKDTree(pos).query(pos, np.arange(1, count + 2))
    radius = np.asarray(distance, dtype=np.float64)[:, -1]
    # Points that lie alone stand for no more surface than most others.
    radius = np.minimum(radius, 2 * np.median(radius))
    return Patches(
        area=np.pi * radius**2 / count,
        reach=REACH * float(np.median(radius)),
        neighbors=np.asarray(index, dtype=np.int64),
    )


def connected(pos: Floats, chosen: Labels, *, reach: float) -> Indices:
    """Return the number of each point's region, from 0, and -1 for other points, ``(N,)``.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        chosen: True for the points of regions, with shape ``(N,)``.
        reach: Largest gap between neighbors in a region.
    """
    region = np.full(len(pos), -1, dtype=np.int64)
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return region
    pairs = np.asarray(cKDTree(pos[rows]).query_pairs(reach, output_type="ndarray"))
    first, second = pairs.reshape(-1, 2).T
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(rows),) * 2)
    region[rows] = connected_components(graph, directed=False)[1]
    return region
