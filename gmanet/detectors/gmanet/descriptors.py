"""The structure of a cloud: everything that the networks read, computed once for both of them.

The cloud is thinned to ``points`` by farthest point sampling, so that spacing, and with it every
neighborhood, is the same for scans of any resolution; normals come from the full cloud.  Prefixes
of the sampling give subsets at twice, four and seven times the spacing, which makes neighborhoods
of four sizes cost the same.  The networks answer at the first ``centers`` points, and then wherever
else one asks them to (:func:`closer`).  What they read at a place does not depend on the others.

Nothing depends on the pose or the row order of the cloud.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.geometry.neighbors import farthest_points, inverse_distance
from gmanet.geometry.pca import EIGEN, eigen_features, principal_axes
from gmanet.geometry.search.grid import nearest_even
from gmanet.geometry.spfh import HISTOGRAM, local_frame, pooled, spfh

__all__ = [
    "CONTEXT",
    "DESCRIPTOR",
    "EVEN",
    "NEIGHBORS",
    "SUBSETS",
    "Look",
    "Structure",
    "Surface",
    "as_wide_as",
    "closer",
    "structure",
    "surroundings",
]

SUBSETS = (1, 4, 16, 48)
"""Neighborhoods are taken from every, every 4th, ... point of the sampling."""

NEIGHBORS = 32
"""Neighbors of one histogram and of one PointNet++ group."""

SMOOTHING = (24, 128)
"""Points over which descriptors are averaged around a center."""

EVEN = 4096
"""Places, the first points of the sampling, over which coarse features are averaged."""

DESCRIPTOR = 2 * HISTOGRAM
"""Channels of a point's descriptor: histograms of the two finer neighborhoods."""

CONTEXT = 3 * DESCRIPTOR + 3 * HISTOGRAM + 5 * EIGEN
"""Channels of a center's context: close mean, wide mean and spread, coarser histograms, shapes."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A cloud, thinned evenly.

    Args:
        chosen: Which points of the cloud were kept, with shape ``(P,)``.
        points: Their coordinates, with shape ``(P, 3)``.
        normal: Their unit normals, of either sign, with shape ``(P, 3)``.
        shape: Shape of their closest surroundings, with shape ``(P, 3)``.
        descriptor: Their fine histograms, with shape ``(P, C)``.
        wide: Coarser histograms of the first ``E`` of them, with shape ``(E, C / 2)``.
    """

    chosen: Indices
    points: Floats
    normal: Floats
    shape: Floats
    descriptor: Floats
    wide: Floats


@dataclass(frozen=True, eq=False)
class Look:
    """What the networks read at ``Q`` of the kept points.

    Args:
        groups: Neighbors of each among the kept points, with shape ``(Q, K)``.
        local: The same neighbors in its local frame, with shape ``(Q, K, 6)``.
        context: Descriptors of its surroundings, with shape ``(Q, D)``.
        even: Nearest of the first ``E`` points, with shape ``(Q, 24)``.
        beside: Nearest of the kept points, itself first, with shape ``(Q, 128)``.
    """

    groups: Indices
    local: Floats
    context: Floats
    even: Indices
    beside: Indices


@dataclass(frozen=True, eq=False)
class Structure(Surface, Look):
    """What the networks read of one cloud at its ``M`` centers, and how scores spread from there.

    Args:
        center_near: Nearest centers of each kept point, with shape ``(P, 3)``.
        center_weight: Their interpolation weights, with shape ``(P, 3)``.
        near: Nearest kept points of each point of the cloud, with shape ``(N, 3)``.
        weight: Their interpolation weights, with shape ``(N, 3)``.
    """

    center_near: Indices
    center_weight: Floats
    near: Indices
    weight: Floats

    def thinned(self) -> Structure:
        """Return what training reads, in half the bytes: half precision, nothing else."""
        unread = ("normal", "shape", "wide", "even", "beside", "center_near", "center_weight")
        return replace(
            self,
            descriptor=self.descriptor.astype(np.float16),
            groups=self.groups.astype(np.int32),
            local=self.local.astype(np.float16),
            context=self.context.astype(np.float16),
            **{name: getattr(self, name)[:0].copy() for name in (*unread, "near", "weight")},
        )


def structure(pos: Floats, points: int = 16384, centers: int = 4096, workers: int = 1) -> Structure:
    """Return the structure of a cloud.

    Args:
        pos: Coordinates in any unit, with shape ``(N, 3)``.
        points: Points to keep.
        centers: Places where the networks answer, at most ``points``.
        workers: Threads for neighbor queries.
    """
    pos = (pos - pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
    surface, fine = _surface(pos, points, workers)
    kept, center = surface.points, surface.points[:centers]
    rings = [ring[: len(center)] for ring in fine]
    look = _look(surface, np.arange(len(center)), rings, workers)
    center_near, center_weight = _interpolation(center, kept, workers)
    near, weight = _interpolation(kept, pos, workers)
    return Structure(
        **vars(surface),
        **vars(look),
        center_near=center_near,
        center_weight=center_weight,
        near=near,
        weight=weight,
    )


def closer(made: Structure, index: Indices, workers: int = 1) -> Look:
    """Return what the networks read at further kept points, the same as if these were centers.

    Args:
        made: The structure of their cloud; it need not be of the centers.
        index: Which kept points, with shape ``(Q,)``.
        workers: Threads for neighbor queries.
    """
    place = made.points[index]
    rings = [_ring(made.points, place, subset, workers) for subset in SUBSETS[:2]]
    return _look(made, index, rings, workers)


def surroundings(points: Floats, place: Floats, workers: int = 1) -> tuple[Indices, Indices]:
    """Return the kept points near each place, by distance, and those of its PointNet++ group.

    Args:
        points: The kept points, with shape ``(P, 3)``.
        place: Some of them, with shape ``(Q, 3)``.
        workers: Threads.

    Returns:
        Indices with shape ``(Q, 128)`` and ``(Q, NEIGHBORS)``.
    """
    beside = nearest_even(points, place, SMOOTHING[1], workers)[1]
    return beside, beside[:, 1 :: (SMOOTHING[1] - 1) // NEIGHBORS + 1]


def as_wide_as(even: int, kept: int) -> int:
    """Return how many kept points cover as much of a surface as some of the ``E`` points.

    Args:
        even: How many of these; 1 stays 1.
        kept: All points that are kept.
    """
    if even == 1:
        return 1
    return min(round(even * kept / min(kept, EVEN)), SMOOTHING[1])


def _surface(pos: Floats, points: int, workers: int) -> tuple[Surface, list[Indices]]:
    """Return a cloud, thinned, and the neighbors that its histograms are of."""
    chosen = farthest_points(pos, points)
    kept = pos[chosen]
    around = int(np.clip(round(12 * len(pos) / len(kept)), 12, 48))
    dense = nearest_even(pos, kept, around, workers)[1]
    values, axes = principal_axes(pos, kept, dense, workers)
    normal = np.ascontiguousarray(axes[:, :, 0])
    rings = [_ring(kept, kept, subset, workers) for subset in SUBSETS[:2]]
    fine = [spfh(kept, normal, kept, normal, ring, workers) for ring in rings]
    even, upright = kept[:EVEN], normal[:EVEN]
    wide = spfh(kept, normal, even, upright, _ring(kept, even, SUBSETS[2], workers), workers)
    shape, descriptor = eigen_features(values), np.concatenate(fine, axis=1)
    return Surface(chosen, kept, normal, shape, descriptor, wide), rings


def _look(surface: Surface, index: Indices, fine: list[Indices], workers: int) -> Look:
    """Return what the networks read at some of the kept points.

    Args:
        surface: The thinned cloud.
        index: Which of its points, with shape ``(Q,)``.
        fine: Their neighbors in the two finer subsets, with shape ``(Q, NEIGHBORS)`` each.
        workers: Threads.
    """
    kept, place, normal = surface.points, surface.points[index], surface.normal[index]
    rings = [*fine, *(_ring(kept, place, subset, workers) for subset in SUBSETS[2:])]
    coarse = [spfh(kept, surface.normal, place, normal, ring, workers) for ring in rings[2:]]
    beside, groups = surroundings(kept, place, workers)
    mean, spread = pooled(surface.descriptor, beside, workers)
    close = pooled(surface.descriptor, beside[:, : SMOOTHING[0]], workers)[0]
    even = nearest_even(kept[: len(surface.wide)], place, SMOOTHING[0], workers)[1]
    wide = pooled(surface.wide, even, workers)[0]
    shapes = [eigen_features(principal_axes(kept, place, ring, workers)[0]) for ring in rings]
    parts = [close, mean, spread, coarse[0], wide, coarse[1], surface.shape[index], *shapes]
    local = local_frame(kept, surface.normal, place, normal, groups, workers)
    return Look(groups, local, np.concatenate(parts, axis=1), even, beside)


def _interpolation(places: Floats, query: Floats, workers: int) -> tuple[Indices, Floats]:
    """Return the three nearest of some places and their weights, each with shape ``(Q, 3)``."""
    distance, near = nearest_even(places, query, 3, workers)
    return near, inverse_distance(distance)


def _ring(kept: Floats, query: Floats, subset: int, workers: int) -> Indices:
    """Return each place's nearest points in a subset, itself left out, ``(Q, NEIGHBORS)``."""
    some = kept[: max(len(kept) // subset, 2)]
    distance, index = nearest_even(some, query, NEIGHBORS + 1, workers)
    itself = distance[:, :1] <= 0
    if itself.all():  # nearly always: nothing to choose
        return np.ascontiguousarray(index[:, 1:])
    return np.where(itself, index[:, 1:], index[:, :-1])
