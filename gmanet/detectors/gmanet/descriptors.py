"""The structure of a cloud: the inputs of both networks, computed once.

The cloud is subsampled to ``points`` by farthest point sampling, so that spacing and neighborhoods
have the same size in scans of any resolution; normals come from the full cloud.  Prefixes of the
sampling are subsets with two, four and seven times the spacing, so that neighborhoods of four sizes
have the same number of points.  The networks predict at the first ``centers`` points, and then at
any further points of the subsample (:func:`describe_at`).  The inputs at a point do not depend on
the other queries.

Nothing depends on the pose or the row order of the cloud.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.detectors.gmanet.structures import Query, Structure, Surface
from gmanet.geometry.neighbors import farthest_points, interpolation
from gmanet.geometry.pca import EIGEN, eigen_features, principal_axes
from gmanet.geometry.search.grid import grid_nearest
from gmanet.geometry.spfh import HISTOGRAM, local_frame, pooled, spfh

__all__ = [
    "COARSE",
    "CONTEXT",
    "DESCRIPTOR",
    "NEIGHBORS",
    "SUBSETS",
    "describe",
    "describe_at",
    "equal_support",
    "neighborhoods",
]

SUBSETS = (1, 4, 16, 48)
"""Ratios of the subsample's size to the sizes of the four subsets that neighborhoods come from."""

NEIGHBORS = 32
"""Number of neighbors in a histogram and in the group of a set abstraction."""

SMOOTHING = (24, 128)
"""Numbers of close and of all neighbors over which descriptors are averaged around a center."""

COARSE = 4096
"""Number of coarse points: the first points of the sampling, which carry coarse histograms."""

DESCRIPTOR = 2 * HISTOGRAM
"""Channels of a point's descriptor: histograms of the two finer neighborhoods."""

CONTEXT = 3 * DESCRIPTOR + 3 * HISTOGRAM + 5 * EIGEN
"""Channels of a center's context: means over close and all neighbors, spread, coarse histograms and
eigenvalue features."""


def describe(
    pos: Floats, points: int = 16384, *, centers: int = 4096, workers: int = 1
) -> Structure:
    """Return the structure of a cloud.

    Args:
        pos: Coordinates in any unit, with shape ``(N, 3)``.
        points: Size of the subsample.
        centers: Number of centers, at most ``points``.
        workers: Number of threads.
    """
    pos = (pos - pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
    surface, fine = _surface(pos, points, workers=workers)
    subsample, center = surface.points, surface.points[:centers]
    query = _inputs(
        surface,
        np.arange(len(center)),
        fine=[each[: len(center)] for each in fine],
        workers=workers,
    )
    search = partial(grid_nearest, workers=workers)
    center_near, center_weight = interpolation(center, subsample, search=search)
    near, weight = interpolation(subsample, pos, search=search)
    return Structure(
        **vars(surface),
        **vars(query),
        center_near=center_near,
        center_weight=center_weight,
        near=near,
        weight=weight,
    )


def describe_at(structure: Structure, index: Indices, *, workers: int = 1) -> Query:
    """Return the networks' inputs at points of the subsample, the same as if these were centers.

    Args:
        structure: The structure of the queries' cloud, with any number of centers.
        index: The queries' indices in the subsample, with shape ``(Q,)``.
        workers: Number of threads.
    """
    points = structure.points
    fine = [
        _neighborhood(points, points[index], subset=subset, workers=workers)
        for subset in SUBSETS[:2]
    ]
    return _inputs(structure, index, fine=fine, workers=workers)


def neighborhoods(points: Floats, query: Floats, *, workers: int = 1) -> tuple[Indices, Indices]:
    """Return each query's nearest points, by distance, and the group of its set abstraction.

    Args:
        points: The subsample, with shape ``(P, 3)``.
        query: Some of these points, with shape ``(Q, 3)``.
        workers: Number of threads.

    Returns:
        Indices with shape ``(Q, 128)`` and ``(Q, NEIGHBORS)``.
    """
    neighbors = grid_nearest(points, query, count=SMOOTHING[1], workers=workers)[1]
    return neighbors, neighbors[:, 1 :: (SMOOTHING[1] - 1) // NEIGHBORS + 1]


def equal_support(coarse: int, points: int) -> int:
    """Return the number of subsampled points that cover the same area as ``coarse`` coarse points.

    Args:
        coarse: Number of coarse points; 1 stays 1.
        points: Size of the subsample.
    """
    if coarse == 1:
        return 1
    return min(round(coarse * points / min(points, COARSE)), SMOOTHING[1])


def _surface(pos: Floats, points: int, *, workers: int) -> tuple[Surface, list[Indices]]:
    """Return the subsample of a cloud, and its neighborhoods in the two finer subsets."""
    chosen = farthest_points(pos, points)
    subsample = pos[chosen]
    count = int(np.clip(round(12 * len(pos) / len(subsample)), 12, 48))
    dense = grid_nearest(pos, subsample, count=count, workers=workers)[1]
    values, axes = principal_axes(pos, subsample, neighbors=dense, workers=workers)
    normal = np.ascontiguousarray(axes[:, :, 0])
    fine = [
        _neighborhood(subsample, subsample, subset=subset, workers=workers)
        for subset in SUBSETS[:2]
    ]
    histograms = [
        spfh(
            subsample, normal, query=subsample, query_normal=normal, neighbors=each, workers=workers
        )
        for each in fine
    ]
    query, upright = subsample[:COARSE], normal[:COARSE]
    wide = _neighborhood(subsample, query, subset=SUBSETS[2], workers=workers)
    surface = Surface(
        chosen=chosen,
        points=subsample,
        normal=normal,
        shape=eigen_features(values),
        descriptor=np.concatenate(histograms, axis=1),
        coarse=spfh(
            subsample, normal, query=query, query_normal=upright, neighbors=wide, workers=workers
        ),
    )
    return surface, fine


def _inputs(surface: Surface, index: Indices, *, fine: list[Indices], workers: int) -> Query:
    """Return the networks' inputs at some points of a subsample.

    Args:
        surface: The subsample.
        index: The queries' indices in the subsample, with shape ``(Q,)``.
        fine: The queries' neighborhoods in the two finer subsets, ``(Q, NEIGHBORS)`` each.
        workers: Number of threads.
    """
    points, query, normal = surface.points, surface.points[index], surface.normal[index]
    wide = [_neighborhood(points, query, subset=subset, workers=workers) for subset in SUBSETS[2:]]
    coarse = [
        spfh(
            points,
            surface.normal,
            query=query,
            query_normal=normal,
            neighbors=each,
            workers=workers,
        )
        for each in wide
    ]
    neighbors, groups = neighborhoods(points, query, workers=workers)
    mean, spread = pooled(surface.descriptor, neighbors, workers=workers)
    close = pooled(surface.descriptor, neighbors[:, : SMOOTHING[0]], workers=workers)[0]
    coarse_neighbors = grid_nearest(
        points[: len(surface.coarse)], query, count=SMOOTHING[0], workers=workers
    )[1]
    smooth = pooled(surface.coarse, coarse_neighbors, workers=workers)[0]
    shapes = [
        eigen_features(principal_axes(points, query, neighbors=each, workers=workers)[0])
        for each in (*fine, *wide)
    ]
    parts = [close, mean, spread, coarse[0], smooth, coarse[1], surface.shape[index], *shapes]
    return Query(
        groups=groups,
        local=local_frame(
            points,
            surface.normal,
            query=query,
            query_normal=normal,
            neighbors=groups,
            workers=workers,
        ),
        context=np.concatenate(parts, axis=1),
        coarse_neighbors=coarse_neighbors,
        neighbors=neighbors,
    )


def _neighborhood(points: Floats, query: Floats, *, subset: int, workers: int) -> Indices:
    """Return each query's nearest points in a subset, without the query, ``(Q, NEIGHBORS)``."""
    some = points[: max(len(points) // subset, 2)]
    distance, index = grid_nearest(some, query, count=NEIGHBORS + 1, workers=workers)
    itself = distance[:, :1] <= 0
    if itself.all():  # the usual case, for speed
        return np.ascontiguousarray(index[:, 1:])
    return np.where(itself, index[:, 1:], index[:, :-1])
