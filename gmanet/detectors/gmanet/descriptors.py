"""The structure of a cloud: the inputs of both networks, computed once.

The cloud is subsampled by farthest point sampling; normals come from the full cloud.  Prefixes of
the sampling are subsets with two, four and seven times the spacing, so that neighborhoods of four
sizes have the same number of points.  Spacings and radii are those of the normal clouds
(``detectors.gmanet.scale``): neighborhoods have the same size in scans of any resolution.  The
networks predict at the first ``centers`` points, and then at any further points of the subsample
(:func:`describe_at`).  The inputs at a point do not depend on the other queries.

Nothing depends on the pose or the row order of the cloud.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from gmanet.cleaning.outliers import flying
from gmanet.cloud import Floats, Indices
from gmanet.detectors.gmanet.conditions import CONDITIONS, conditions
from gmanet.detectors.gmanet.scale import (
    NEIGHBORS,
    SMOOTHING,
    Scale,
    normal_count,
    within,
)
from gmanet.detectors.gmanet.structures import Query, Structure, Surface
from gmanet.geometry.neighbors import farthest_sampling, interpolation
from gmanet.geometry.pca import EIGEN, eigen_features, principal_axes
from gmanet.geometry.search.grid import grid_nearest
from gmanet.geometry.spfh import HISTOGRAM, local_frame, pooled, spfh

__all__ = ["CONTEXT", "DESCRIPTOR", "RIM", "describe", "describe_at", "neighborhoods"]

DESCRIPTOR = 2 * HISTOGRAM
"""Channels of a point's descriptor: histograms of the two finer neighborhoods."""

RIM = 3
"""Channels that tell rims: the offset of the middle of a neighborhood, at three sizes."""

CONTEXT = 3 * DESCRIPTOR + 3 * HISTOGRAM + 5 * EIGEN + RIM + CONDITIONS
"""Channels of a center's context: means over close and all neighbors, spread, coarse histograms,
eigenvalue features, rims and conditions."""


def describe(
    pos: Floats,
    points: int = 16384,
    *,
    centers: int = 4096,
    scale: Scale | None = None,
    workers: int = 1,
) -> Structure:
    """Return the structure of a cloud.

    Flying points have no descriptors; their scores are those of the nearest surface.

    Args:
        pos: Coordinates in any unit, with shape ``(N, 3)``.
        points: Largest size of the subsample.
        centers: Number of centers; fewer on a cloud that lacks surface, so that their spacing is
            that of the normal clouds.  ``points`` makes every point of the subsample a center.
        scale: Sizes of neighborhoods; None: those of the cloud itself.
        workers: Number of threads.
    """
    scale = Scale.of([pos], points) if scale is None else scale
    pos = (pos - pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
    surface, fine = _surface(pos, points, scale=scale, workers=workers)
    subsample = surface.points
    wanted = points if centers >= points else scale.centers(centers, len(surface.coarse))
    count = min(wanted, len(subsample))
    center = subsample[:count]
    query = _inputs(
        surface,
        np.arange(count),
        fine=[each[:count] for each in fine],
        scale=scale,
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


def describe_at(structure: Structure, index: Indices, *, scale: Scale, workers: int = 1) -> Query:
    """Return the networks' inputs at points of the subsample, the same as if these were centers.

    Args:
        structure: The structure of the queries' cloud, with any number of centers.
        index: The queries' indices in the subsample, with shape ``(Q,)``.
        scale: Sizes of neighborhoods, as for :func:`describe`.
        workers: Number of threads.
    """
    search = _Search(
        points=structure.points, subsets=structure.subsets, scale=scale, workers=workers
    )
    query = structure.points[index]
    fine = [search.neighborhood(query, subset) for subset in (0, 1)]
    return _inputs(structure, index, fine=fine, scale=scale, workers=workers)


def neighborhoods(
    points: Floats, query: Floats, *, scale: Scale, workers: int = 1
) -> tuple[Indices, Indices]:
    """Return each query's nearest points, by distance, and the group of its set abstraction.

    Args:
        points: The subsample, with shape ``(P, 3)``.
        query: Some of these points, with shape ``(Q, 3)``.
        scale: Sizes of neighborhoods.
        workers: Number of threads.

    Returns:
        Indices with shape ``(Q, 128)`` and ``(Q, NEIGHBORS)``.
    """
    found = grid_nearest(points, query, count=SMOOTHING[1], workers=workers)
    neighbors = within(*found, radius=scale.pool_radius)
    return neighbors, neighbors[:, 1 :: (SMOOTHING[1] - 1) // NEIGHBORS + 1]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Search:
    """Searches neighborhoods in the subsets of a subsample."""

    points: Floats
    subsets: Indices
    scale: Scale
    workers: int

    def neighborhood(self, query: Floats, subset: int) -> Indices:
        """Return each query's nearest points in a subset, without the query, ``(Q, NEIGHBORS)``."""
        some = self.points[: self.subsets[subset]]
        distance, index = grid_nearest(some, query, count=NEIGHBORS + 1, workers=self.workers)
        itself = distance[:, :1] <= 0
        if itself.all():  # the usual case, for speed
            distance, index = distance[:, 1:], index[:, 1:]
        else:
            distance, index = (
                np.where(itself, part[:, 1:], part[:, :-1]) for part in (distance, index)
            )
        return within(distance, index, radius=self.scale.radius[subset])


def _surface(
    pos: Floats, points: int, *, scale: Scale, workers: int
) -> tuple[Surface, list[Indices]]:
    """Return the subsample of a cloud, and its neighborhoods in the two finer subsets."""
    kept = np.flatnonzero(~flying(pos))
    solid = pos[kept]
    chosen, spacing = farthest_sampling(solid, points)
    subsets, coarse = scale.sizes(spacing)
    chosen = chosen[: subsets[0]]
    subsample = solid[chosen]
    count = normal_count(len(solid), len(subsample))
    found = grid_nearest(solid, subsample, count=count, workers=workers)
    dense = within(*found, radius=scale.normal_radius)
    values, axes = principal_axes(solid, subsample, neighbors=dense, workers=workers)
    normal = np.ascontiguousarray(axes[:, :, 0])
    search = _Search(points=subsample, subsets=subsets, scale=scale, workers=workers)
    describe_by = partial(spfh, subsample, normal, workers=workers)
    fine = [search.neighborhood(subsample, subset) for subset in (0, 1)]
    histograms = [
        describe_by(query=subsample, query_normal=normal, neighbors=each) for each in fine
    ]
    query = subsample[:coarse]
    wide = search.neighborhood(query, 2)
    surface = Surface(
        chosen=kept[chosen],
        points=subsample,
        normal=normal,
        shape=eigen_features(values),
        descriptor=np.concatenate(histograms, axis=1),
        coarse=describe_by(query=query, query_normal=normal[:coarse], neighbors=wide),
        subsets=subsets,
        conditions=conditions(found[0], values[:, 0], radius=scale.normal_radius),
    )
    return surface, fine


def _inputs(
    surface: Surface, index: Indices, *, fine: list[Indices], scale: Scale, workers: int
) -> Query:
    """Return the networks' inputs at some points of a subsample.

    Args:
        surface: The subsample.
        index: The queries' indices in the subsample, with shape ``(Q,)``.
        fine: The queries' neighborhoods in the two finer subsets, ``(Q, NEIGHBORS)`` each.
        scale: Sizes of neighborhoods.
        workers: Number of threads.
    """
    points, query, normal = surface.points, surface.points[index], surface.normal[index]
    search = _Search(points=points, subsets=surface.subsets, scale=scale, workers=workers)
    wide = [search.neighborhood(query, subset) for subset in (2, 3)]
    histograms = partial(
        spfh, points, surface.normal, query=query, query_normal=normal, workers=workers
    )
    coarse = [histograms(neighbors=each) for each in wide]
    neighbors, groups = neighborhoods(points, query, scale=scale, workers=workers)
    mean, spread = pooled(surface.descriptor, neighbors, workers=workers)
    close = pooled(surface.descriptor, neighbors[:, : SMOOTHING[0]], workers=workers)[0]
    found = grid_nearest(points[: len(surface.coarse)], query, count=SMOOTHING[0], workers=workers)
    coarse_neighbors = within(*found, radius=scale.coarse_radius)
    smooth = pooled(surface.coarse, coarse_neighbors, workers=workers)[0]
    shapes = [
        eigen_features(principal_axes(points, query, neighbors=each, workers=workers)[0])
        for each in (*fine, *wide)
    ]
    scanned = np.broadcast_to(surface.conditions, (len(query), CONDITIONS))
    rims = [_rim(points, query, neighbors=each) for each in (groups, fine[1], wide[0])]
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
        context=np.concatenate([*parts, np.stack(rims, axis=1), scanned], axis=1),
        coarse_neighbors=coarse_neighbors,
        neighbors=neighbors,
    )


def _rim(points: Floats, query: Floats, *, neighbors: Indices) -> Floats:
    """Return how far the middle of each neighborhood is from its query, ``(Q,)``.

    The unit is the mean distance of the neighbors: 0 in the middle of a surface, about .6 at a rim.
    """
    offset = points[neighbors] - query[:, None]
    reach = np.linalg.norm(offset, axis=2).mean(axis=1) + np.float32(1e-12)
    return np.asarray(np.linalg.norm(offset.mean(axis=1), axis=1) / reach, dtype=np.float32)
