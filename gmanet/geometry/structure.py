"""The structure of a cloud: everything that the networks read, computed once for both of them.

The cloud is thinned to ``points`` by farthest point sampling, so that spacing, and with it every
neighborhood, is the same for scans of any resolution; normals come from the full cloud.  Prefixes
of the sampling give subsets at twice, four and seven times the spacing, which makes neighborhoods
of four sizes cost the same.  The first ``centers`` points are the places where networks answer;
every point of the cloud then takes its score from the three nearest of them.

Nothing depends on the pose or the row order of the cloud.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.geometry.descriptors import HISTOGRAM, local_frame, pooled, spfh
from gmanet.geometry.frames import EIGEN, eigen_features, principal_axes
from gmanet.geometry.grid import nearest_even
from gmanet.geometry.neighbors import farthest_points, inverse_distance

__all__ = ["CONTEXT", "DESCRIPTOR", "EVEN", "NEIGHBORS", "SUBSETS", "Structure", "structure"]

SUBSETS = (1, 4, 16, 48)
"""Neighborhoods are taken from every, every 4th, ... point of the sampling."""

NEIGHBORS = 32
"""Neighbors of one histogram and of one PointNet++ group."""

SMOOTHING = (24, 128)
"""Points over which descriptors are averaged around a center."""

EVEN = 4096
"""Points over which the coarser histograms are averaged: the same surface for more centers."""

DESCRIPTOR = 2 * HISTOGRAM
"""Channels of a point's descriptor: histograms of the two finer neighborhoods."""

CONTEXT = 3 * DESCRIPTOR + 3 * HISTOGRAM + 5 * EIGEN
"""Channels of a center's context: close mean, wide mean and spread, coarser histograms, shapes."""


@dataclass(frozen=True, eq=False)
class Structure:
    """What the networks read of one cloud.

    Args:
        chosen: Which points of the cloud were kept, with shape ``(P,)``.
        points: Their coordinates, with shape ``(P, 3)``; the first ``M`` are the centers.
        normal: Unit normals of the centers, of either sign, with shape ``(M, 3)``.
        descriptor: Fine histograms of each, with shape ``(P, C)``.
        groups: Neighbors of each center among the points, with shape ``(M, K)``.
        local: The same neighbors in the center's local frame, with shape ``(M, K, 6)``.
        context: Descriptors of each center's surroundings, with shape ``(M, D)``.
        around: Nearest centers of each center, itself first, with shape ``(M, S)``.
        near: Nearest centers of each point of the cloud, with shape ``(N, 3)``.
        weight: Their interpolation weights, with shape ``(N, 3)``.
    """

    chosen: Indices
    points: Floats
    normal: Floats
    descriptor: Floats
    groups: Indices
    local: Floats
    context: Floats
    around: Indices
    near: Indices
    weight: Floats

    def thinned(self) -> Structure:
        """Return what training reads, in half the bytes: half precision, no propagation."""
        return replace(
            self,
            descriptor=self.descriptor.astype(np.float16),
            groups=self.groups.astype(np.int32),
            local=self.local.astype(np.float16),
            context=self.context.astype(np.float16),
            near=self.near[:0],
            weight=self.weight[:0],
        )


def structure(
    pos: Floats,
    points: int = 16384,
    centers: int = 4096,
    smoothing: int = 24,
    workers: int = 1,
) -> Structure:
    """Return the structure of a cloud.

    Args:
        pos: Coordinates in any unit, with shape ``(N, 3)``.
        points: Points to keep.
        centers: Places where the networks answer, at most ``points``.
        smoothing: Centers in the neighborhood ``around`` a center.
        workers: Threads for neighbor queries.
    """
    pos = (pos - pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
    chosen = farthest_points(pos, points)
    kept = pos[chosen]
    center = kept[:centers]
    around = int(np.clip(round(12 * len(pos) / len(kept)), 12, 48))
    dense = nearest_even(pos, kept, around, workers)[1]
    values, axes = principal_axes(pos, kept, dense, workers)
    normal = np.ascontiguousarray(axes[:, :, 0])

    fine = [_ring(kept, kept, subset, workers) for subset in SUBSETS[:2]]
    coarse = [_ring(kept, center, subset, workers) for subset in SUBSETS[2:]]
    histograms = [
        spfh(kept, normal, query, normal[: len(query)], ring, workers)
        for query, ring in zip((kept, kept, center, center), (*fine, *coarse), strict=True)
    ]
    descriptor, (wide, widest) = np.concatenate(histograms[:2], axis=1), histograms[2:]

    near = nearest_even(kept, center, SMOOTHING[1], workers)[1]
    mean, spread = pooled(descriptor, near, workers)
    close = pooled(descriptor, near[:, : SMOOTHING[0]], workers)[0]
    beside = nearest_even(center, center, max(SMOOTHING[0], smoothing), workers)[1]
    even = beside
    if len(center) > EVEN:
        even = nearest_even(center[:EVEN], center, SMOOTHING[0], workers)[1]
    wide_mean = pooled(wide, even[:, : SMOOTHING[0]], workers)[0]
    rings = [ring[: len(center)] for ring in (*fine, *coarse)]
    shape = [eigen_features(values[: len(center)])]
    shape += [eigen_features(principal_axes(kept, center, ring, workers)[0]) for ring in rings]

    groups = near[:, 1 :: (SMOOTHING[1] - 1) // NEIGHBORS + 1]
    distance, nearest_centers = nearest_even(center, pos, 3, workers)
    return Structure(
        chosen=chosen,
        points=kept,
        normal=normal[: len(center)],
        descriptor=descriptor,
        groups=groups,
        local=local_frame(kept, normal, center, normal[: len(center)], groups, workers),
        context=np.concatenate([close, mean, spread, wide, wide_mean, widest, *shape], axis=1),
        around=beside[:, :smoothing],
        near=nearest_centers,
        weight=inverse_distance(distance),
    )


def _ring(kept: Floats, query: Floats, subset: int, workers: int) -> Indices:
    """Return each place's nearest points in a subset, itself left out, ``(Q, NEIGHBORS)``."""
    some = kept[: max(len(kept) // subset, 2)]
    distance, index = nearest_even(some, query, NEIGHBORS + 1, workers)
    itself = distance[:, :1] <= 0
    if itself.all():  # nearly always: nothing to choose
        return np.ascontiguousarray(index[:, 1:])
    return np.where(itself, index[:, 1:], index[:, :-1])
