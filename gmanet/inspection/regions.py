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
    """

    area: Doubles
    reach: float


def patches(pos: Floats) -> Patches:
    """Return the area of each point of a cloud.

    The circle about a point that holds ``k`` further points has ``k`` times the area of a point.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    found = cKDTree(pos).query(pos, [min(NEIGHBORS, len(pos) - 1) + 1])[0]
    radius = np.asarray(found, dtype=np.float64)[:, 0]
    # Points that lie alone stand for no more surface than most others.
    radius = np.minimum(radius, 2 * np.median(radius))
    area = np.pi * radius**2 / min(NEIGHBORS, len(pos) - 1)
    return Patches(area=area, reach=REACH * float(np.median(radius)))


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
