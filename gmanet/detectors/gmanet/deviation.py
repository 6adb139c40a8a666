"""Deviation: the distances of an aligned cloud from the surfaces of the normal clouds.

Descriptors depend on the shape of a neighborhood, not on its position: a gentle bend resembles any
curved surface.  Industrial parts are rigid, so that the position shows what the shape does not.

Distances are measured to the nearest points of several normal clouds, along the normals of these
points; a normal cloud is not compared with itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Floats, Indices
from gmanet.detectors.gmanet.common_surface.consensus import CONSENSUS
from gmanet.geometry.spfh import pooled

__all__ = ["CHANNELS", "DEVIATION", "LENGTHS", "Surfaces", "deviation", "distances"]

CHANNELS = 4
"""Number of channels: smallest and mean distance to the tangent planes of the nearest points,
distance to the nearest point, and smallest angle to the normals of the nearest points."""

LENGTHS = 3
"""Number of these that are distances, the first ones."""

DEVIATION = 3 * (CHANNELS + CONSENSUS)
"""Channels of the deviation at a center: distances, and their mean and standard deviation over the
center's neighbors."""

NEAREST = 8
"""Number of points of the normal clouds that a center is compared with."""

FLOOR = 2e-4
"""Distance that is added before the logarithm, in extents of the target; it is below the noise of a
scanner."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Surfaces:
    """Points of the normal clouds, registered on one target.

    Args:
        points: Coordinates in extents of the target, with shape ``(T, 3)``.
        normal: Unit normals of either sign, with shape ``(T, 3)``.
        owner: Number of the cloud that each point is from, with shape ``(T,)``.
    """

    points: Floats
    normal: Floats
    owner: Indices

    @cached_property
    def tree(self) -> cKDTree:
        """The search tree of the points."""
        return cKDTree(self.points)

    def nearest(self, query: Floats, *, used: Indices | None = None, workers: int = 1) -> Indices:
        """Return the indices of each query's nearest points, with shape ``(M, NEAREST)``.

        Args:
            query: Aligned coordinates, with shape ``(M, 3)``.
            used: Numbers of the normal clouds whose points count; None for all.
            workers: Number of threads.
        """
        counts = np.ones(len(self.points), dtype=bool)
        if used is not None:
            counts = np.isin(self.owner, used)
        if counts.all() and len(self.points) >= NEAREST:
            index = self.tree.query(query, np.arange(1, NEAREST + 1), workers=workers)[1]
            return np.asarray(index, dtype=np.int64)
        if not counts.any():
            counts[:] = True
        known = np.flatnonzero(counts)
        tree = cKDTree(self.points[known])
        count = np.arange(1, min(NEAREST, len(known)) + 1)
        index = known[np.asarray(tree.query(query, count, workers=workers)[1])]
        missing = NEAREST - index.shape[1]
        return np.pad(index, ((0, 0), (0, missing)), "edge")


def deviation(values: Floats, others: Floats, *, neighbors: Indices, workers: int = 1) -> Floats:
    """Return distances at queries with their mean and spread over neighbors, ``(Q, DEVIATION)``.

    Args:
        values: Distances at the queries, with shape ``(Q, CHANNELS)``.
        others: Distances at all points that may be neighbors, with shape ``(E, CHANNELS)``.
        neighbors: Indices of each query's neighbors among these, with shape ``(Q, S)``.
        workers: Number of threads.
    """
    return np.concatenate([values, *pooled(others, neighbors, workers=workers)], axis=1)


def distances(
    points: Floats,
    normal: Floats,
    *,
    surfaces: Surfaces,
    used: Indices | None = None,
    workers: int = 1,
) -> Floats:
    """Return distances of points to normal surfaces on a log scale, ``(Q, CHANNELS)``.

    Args:
        points: Aligned coordinates in extents of the target, with shape ``(Q, 3)``.
        normal: Aligned unit normals, of either sign, with shape ``(Q, 3)``.
        surfaces: The normal clouds.
        used: Numbers of the normal clouds that are compared with; None for all.
        workers: Number of threads.
    """
    index = surfaces.nearest(points, used=used, workers=workers)
    offset = points[:, None] - surfaces.points[index]
    plane = np.abs(np.einsum("mkc,mkc->mk", offset, surfaces.normal[index]))
    reach = np.sqrt(np.einsum("mkc,mkc->mk", offset, offset)).min(axis=1)
    cosine = np.abs(np.einsum("mc,mkc->mk", normal, surfaces.normal[index])).max(axis=1)
    lengths = np.stack([plane.min(axis=1), plane.mean(axis=1), reach], axis=1)
    angle = np.sqrt(np.maximum(1 - cosine, 0))
    return np.column_stack([np.log(lengths + FLOOR), angle]).astype(np.float32)
