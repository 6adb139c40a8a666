"""The structure of a cloud: the inputs of both networks, computed once.

A subsample of ``points`` by farthest point sampling makes the spacing, and with it every
neighborhood, the same for scans of any resolution; normals come from the full cloud.  Prefixes of
the sampling are subsets at twice, four and seven times the spacing, so that neighborhoods of four
sizes cost the same.  The networks predict at the first ``centers`` points, and then at any further
points of the subsample (:func:`describe_at`).  The inputs at a point do not depend on the other
queries.

Nothing depends on the pose or the row order of the cloud.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.geometry.neighbors import farthest_points, inverse_distance
from gmanet.geometry.pca import EIGEN, eigen_features, principal_axes
from gmanet.geometry.search.grid import grid_nearest
from gmanet.geometry.spfh import HISTOGRAM, local_frame, pooled, spfh

__all__ = [
    "COARSE",
    "CONTEXT",
    "DESCRIPTOR",
    "NEIGHBORS",
    "SUBSETS",
    "Query",
    "Structure",
    "Surface",
    "describe",
    "describe_at",
    "equal_support",
    "neighborhoods",
]

SUBSETS = (1, 4, 16, 48)
"""Strides of the sampling whose points form the four sizes of neighborhoods."""

NEIGHBORS = 32
"""Number of neighbors in a histogram and in a group of the set abstraction."""

SMOOTHING = (24, 128)
"""Numbers of neighbors, close and wide, over which descriptors are averaged around a center."""

COARSE = 4096
"""Number of coarse points: the first points of the sampling, which carry coarse histograms."""

DESCRIPTOR = 2 * HISTOGRAM
"""Channels of a point's descriptor: histograms of the two finer neighborhoods."""

CONTEXT = 3 * DESCRIPTOR + 3 * HISTOGRAM + 5 * EIGEN
"""Channels of a center's context: close mean, wide mean and spread, coarser histograms, shapes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Surface:
    """An evenly spaced subsample of a cloud.

    Args:
        chosen: Indices of the subsample's points in the cloud, with shape ``(P,)``.
        points: Coordinates of these points, with shape ``(P, 3)``.
        normal: Unit normals, of either sign, with shape ``(P, 3)``.
        shape: Eigenvalue features of the smallest neighborhoods, with shape ``(P, 3)``.
        descriptor: Fine histograms, with shape ``(P, C)``.
        coarse: Coarse histograms of the first ``E`` points, with shape ``(E, C / 2)``.
    """

    chosen: Indices
    points: Floats
    normal: Floats
    shape: Floats
    descriptor: Floats
    coarse: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Query:
    """Inputs of the networks at ``Q`` points of the subsample, the queries.

    Args:
        groups: Group of each query's set abstraction, as indices into the subsample, ``(Q, K)``.
        local: Coordinates and normals of the group in the query's local frame, ``(Q, K, 6)``.
        context: Descriptors of the query's wider neighborhood, with shape ``(Q, D)``.
        coarse_neighbors: Nearest coarse points, with shape ``(Q, 24)``.
        neighbors: Nearest points of the subsample, the query first, with shape ``(Q, 128)``.
    """

    groups: Indices
    local: Floats
    context: Floats
    coarse_neighbors: Indices
    neighbors: Indices


@dataclass(frozen=True, eq=False, kw_only=True)
class Structure(Surface, Query):
    """Inputs of the networks at the ``M`` centers of a cloud, and how scores are interpolated.

    Args:
        center_near: Three nearest centers of each point of the subsample, with shape ``(P, 3)``.
        center_weight: Interpolation weights of these centers, with shape ``(P, 3)``.
        near: Three nearest points of the subsample of each point of the cloud, ``(N, 3)``.
        weight: Interpolation weights of these points, with shape ``(N, 3)``.
    """

    center_near: Indices
    center_weight: Floats
    near: Indices
    weight: Floats

    def compact(self) -> Structure:
        """Return the arrays that training reads, in half precision; the others become empty."""
        unread = (
            *("normal", "shape", "coarse", "coarse_neighbors", "neighbors"),
            *("center_near", "center_weight", "near", "weight"),
        )
        return replace(
            self,
            descriptor=self.descriptor.astype(np.float16),
            groups=self.groups.astype(np.int32),
            local=self.local.astype(np.float16),
            context=self.context.astype(np.float16),
            **{name: getattr(self, name)[:0].copy() for name in unread},
        )


def describe(pos: Floats, points: int = 16384, centers: int = 4096, workers: int = 1) -> Structure:
    """Return the structure of a cloud.

    Args:
        pos: Coordinates in any unit, with shape ``(N, 3)``.
        points: Size of the subsample.
        centers: Number of centers, at most ``points``.
        workers: Threads for neighbor queries.
    """
    pos = (pos - pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
    surface, fine = _surface(pos, points, workers)
    subsample, center = surface.points, surface.points[:centers]
    query = _inputs(
        surface,
        np.arange(len(center)),
        fine=[each[: len(center)] for each in fine],
        workers=workers,
    )
    center_near, center_weight = _interpolation(center, subsample, workers)
    near, weight = _interpolation(subsample, pos, workers)
    return Structure(
        **vars(surface),
        **vars(query),
        center_near=center_near,
        center_weight=center_weight,
        near=near,
        weight=weight,
    )


def describe_at(structure: Structure, index: Indices, workers: int = 1) -> Query:
    """Return the networks' inputs at points of the subsample, the same as if these were centers.

    Args:
        structure: The structure of their cloud, with any number of centers.
        index: The queries' indices in the subsample, with shape ``(Q,)``.
        workers: Threads for neighbor queries.
    """
    points = structure.points
    fine = [_neighborhood(points, points[index], subset, workers) for subset in SUBSETS[:2]]
    return _inputs(structure, index, fine=fine, workers=workers)


def neighborhoods(points: Floats, query: Floats, workers: int = 1) -> tuple[Indices, Indices]:
    """Return each query's nearest points, by distance, and its group among these.

    Args:
        points: The subsample, with shape ``(P, 3)``.
        query: Some of these points, with shape ``(Q, 3)``.
        workers: Threads.

    Returns:
        Indices with shape ``(Q, 128)`` and ``(Q, NEIGHBORS)``.
    """
    neighbors = grid_nearest(points, query, SMOOTHING[1], workers)[1]
    return neighbors, neighbors[:, 1 :: (SMOOTHING[1] - 1) // NEIGHBORS + 1]


def equal_support(coarse: int, points: int) -> int:
    """Return how many points of the subsample cover as much surface as some coarse points.

    Args:
        coarse: Number of coarse points; 1 stays 1.
        points: Size of the subsample.
    """
    if coarse == 1:
        return 1
    return min(round(coarse * points / min(points, COARSE)), SMOOTHING[1])


def _surface(pos: Floats, points: int, workers: int) -> tuple[Surface, list[Indices]]:
    """Return the subsample of a cloud, and its neighborhoods in the two finer subsets."""
    chosen = farthest_points(pos, points)
    subsample = pos[chosen]
    count = int(np.clip(round(12 * len(pos) / len(subsample)), 12, 48))
    dense = grid_nearest(pos, subsample, count, workers)[1]
    values, axes = principal_axes(pos, subsample, dense, workers)
    normal = np.ascontiguousarray(axes[:, :, 0])
    fine = [_neighborhood(subsample, subsample, subset, workers) for subset in SUBSETS[:2]]
    histograms = [spfh(subsample, normal, subsample, normal, each, workers) for each in fine]
    query, upright = subsample[:COARSE], normal[:COARSE]
    wide = _neighborhood(subsample, query, SUBSETS[2], workers)
    surface = Surface(
        chosen=chosen,
        points=subsample,
        normal=normal,
        shape=eigen_features(values),
        descriptor=np.concatenate(histograms, axis=1),
        coarse=spfh(subsample, normal, query, upright, wide, workers),
    )
    return surface, fine


def _inputs(surface: Surface, index: Indices, *, fine: list[Indices], workers: int) -> Query:
    """Return the networks' inputs at some points of a subsample.

    Args:
        surface: The subsample.
        index: The queries' indices in it, with shape ``(Q,)``.
        fine: The queries' neighborhoods in the two finer subsets, ``(Q, NEIGHBORS)`` each.
        workers: Threads.
    """
    points, query, normal = surface.points, surface.points[index], surface.normal[index]
    wide = [_neighborhood(points, query, subset, workers) for subset in SUBSETS[2:]]
    coarse = [spfh(points, surface.normal, query, normal, each, workers) for each in wide]
    neighbors, groups = neighborhoods(points, query, workers)
    mean, spread = pooled(surface.descriptor, neighbors, workers)
    close = pooled(surface.descriptor, neighbors[:, : SMOOTHING[0]], workers)[0]
    coarse_neighbors = grid_nearest(points[: len(surface.coarse)], query, SMOOTHING[0], workers)[1]
    smooth = pooled(surface.coarse, coarse_neighbors, workers)[0]
    shapes = [
        eigen_features(principal_axes(points, query, each, workers)[0]) for each in (*fine, *wide)
    ]
    parts = [close, mean, spread, coarse[0], smooth, coarse[1], surface.shape[index], *shapes]
    return Query(
        groups=groups,
        local=local_frame(points, surface.normal, query, normal, groups, workers),
        context=np.concatenate(parts, axis=1),
        coarse_neighbors=coarse_neighbors,
        neighbors=neighbors,
    )


def _interpolation(points: Floats, query: Floats, workers: int) -> tuple[Indices, Floats]:
    """Return each query's three nearest points and their weights, each with shape ``(Q, 3)``."""
    distance, near = grid_nearest(points, query, 3, workers)
    return near, inverse_distance(distance)


def _neighborhood(points: Floats, query: Floats, subset: int, workers: int) -> Indices:
    """Return each query's nearest points in a subset, without the query, ``(Q, NEIGHBORS)``."""
    some = points[: max(len(points) // subset, 2)]
    distance, index = grid_nearest(some, query, NEIGHBORS + 1, workers)
    itself = distance[:, :1] <= 0
    if itself.all():  # nearly always: nothing to choose
        return np.ascontiguousarray(index[:, 1:])
    return np.where(itself, index[:, 1:], index[:, :-1])
