"""Neighbors: nearest points, farthest point sampling, interpolation.

The functions are exact and deterministic, and use SciPy's KD-tree.  Results are equivariant to
rigid motions and to permutations of the rows, up to ties between equal distances.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Floats, Indices
from gmanet.geometry.farthest import farthest_from

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "farthest_points",
    "farthest_sampling",
    "interpolate",
    "interpolation",
    "inverse_distance",
    "nearest",
]


def nearest(pos: Floats, query: Floats, *, count: int, workers: int = 1) -> tuple[Floats, Indices]:
    """Return distances and indices of each query's nearest points, with shape ``(Q, count)``.

    Args:
        pos: The points to choose from, with shape ``(N, 3)``.
        query: Queries, with shape ``(Q, 3)``.
        count: Neighbors per query; clouds with fewer points repeat the farthest neighbor.
        workers: Threads.
    """
    found = min(count, len(pos))
    answer = cKDTree(pos).query(query, k=np.arange(1, found + 1), workers=workers)
    distance, index = np.asarray(answer[0]), np.asarray(answer[1])
    if found < count:
        missing = ((0, 0), (0, count - found))
        distance, index = np.pad(distance, missing, "edge"), np.pad(index, missing, "edge")
    return distance.astype(np.float32), index.astype(np.int64)


def farthest_points(pos: Floats, count: int) -> Indices:
    """Return the indices of :func:`farthest_sampling`, with shape ``(min(count, N),)``."""
    return farthest_sampling(pos, count)[0]


def farthest_sampling(pos: Floats, count: int) -> tuple[Indices, Floats]:
    """Return indices and spacings of farthest point sampling, each ``(min(count, N),)``.

    Indices are in the order of choice.  The spacing of a point is its distance to the points that
    were chosen before it; spacings decrease, and the first one is infinite.
    Every prefix is itself a farthest point sampling: the first quarter covers the cloud at twice
    the spacing.  The first point is the farthest from the centroid, independent of pose and order
    of rows.  Among points at equal distances the lowest index is chosen.

    Args:
        pos: The points to choose from, with shape ``(N, 3)``.
        count: Number of points to choose.
    """
    count = min(count, len(pos))
    offset = pos - pos.mean(axis=0, dtype=np.float64)
    start = int(np.argmax(np.einsum("nc,nc->n", offset, offset)))
    return farthest_from(np.ascontiguousarray(offset, dtype=np.float32), count, start=start)


def interpolation(
    pos: Floats, query: Floats, *, search: Callable[..., tuple[Floats, Indices]] = nearest
) -> tuple[Indices, Floats]:
    """Return each query's three nearest points and their weights, each with shape ``(Q, 3)``.

    Args:
        pos: The points with values, with shape ``(N, 3)``.
        query: Positions to interpolate at, with shape ``(Q, 3)``.
        search: Finds the nearest points, as :func:`nearest` does.
    """
    distance, index = search(pos, query, count=3)
    return index, inverse_distance(distance)


def inverse_distance(distance: Floats) -> Floats:
    """Return weights of inverse squared distance that sum to one along the last axis.

    PointNet++'s feature propagation (Qi et al. 2017, Eq. 2) uses them for three neighbors.

    Args:
        distance: Distances to the neighbors, with shape ``(..., K)``.
    """
    weight = 1.0 / np.maximum(distance.astype(np.float64) ** 2, 1e-12)
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True), dtype=np.float32)


def interpolate(values: Tensor, near: Tensor, *, weight: Tensor) -> Tensor:
    """Return weighted means of the values of each query's nearest points, ``(Q,)`` or ``(Q, C)``.

    Args:
        values: One value, or ``C`` values, of each point, with shape ``(N,)`` or ``(N, C)``.
        near: Nearest points of each query, with shape ``(Q, 3)``.
        weight: Weights of these points, with shape ``(Q, 3)``.
    """
    if values.dim() == 2:
        weight = weight[:, :, None]
    return (values[near] * weight).sum(dim=1)
