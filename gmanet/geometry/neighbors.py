"""Neighbors: nearest points, farthest point sampling, interpolation.

Exact and deterministic, on SciPy's KD-tree.  Moving a cloud rigidly or shuffling its rows changes
nothing but the order (up to ties between equal distances).
"""

from __future__ import annotations

import importlib.util

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import MIN_POINTS, Floats, Indices

__all__ = ["farthest_points", "inverse_distance", "nearest"]


def nearest(pos: Floats, query: Floats, count: int, workers: int = 1) -> tuple[Floats, Indices]:
    """Return distances and indices of each query's nearest points, with shape ``(Q, count)``.

    Args:
        pos: The points to choose from, with shape ``(N, 3)``.
        query: Places, with shape ``(Q, 3)``.
        count: Neighbors per place; clouds with fewer points repeat their farthest one.
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
    """Return the indices of farthest point sampling, in the order of choice, ``(min(count, N),)``.

    Every prefix is a sampling of its own: the first quarter covers the cloud at twice the spacing.
    The first point is the one farthest from the centroid, which no pose or row order changes.
    """
    count = min(count, len(pos))
    offset = pos - pos.mean(axis=0, dtype=np.float64)
    start = int(np.argmax(np.einsum("nc,nc->n", offset, offset)))
    points = offset.astype(np.float32)
    if len(pos) < MIN_POINTS or importlib.util.find_spec("fpsample") is None:
        return _farthest_points_by_scan(points, count, start)
    return _farthest_points_by_buckets(points, count, start)


def _farthest_points_by_buckets(offset: Floats, count: int, start: int) -> Indices:
    """Return the same as the scan, ten times faster.

    fpsample takes its start from the rows as its tree has sorted them, so an index says nothing.
    One more point, far off in a fourth dimension, is split off first and becomes the first row; it
    lies opposite the start, which is therefore the farthest from it and chosen next.
    """
    import fpsample

    beacon = len(offset)
    rows = np.zeros((beacon + 1, 4), dtype=np.float32)
    rows[:beacon, :3] = offset
    rows[beacon, :3] = -offset[start]
    rows[beacon, 3] = -8 * np.linalg.norm(offset[start])
    height = max(3, min(9, int(np.log2(beacon / 64))))
    found = fpsample.bucket_fps_kdline_sampling(rows, count + 1, h=height, start_idx=0)
    chosen = np.asarray(found, dtype=np.int64)
    if chosen[0] != beacon or chosen[1] != start or (chosen[1:] == beacon).any():
        # coinciding points at the start, or fewer distinct points than are wanted
        return np.asarray(fpsample.fps_sampling(offset, count, start_idx=start), dtype=np.int64)
    return chosen[1:]


def _farthest_points_by_scan(pos: Floats, count: int, start: int) -> Indices:
    """Return farthest point sampling by its definition."""
    chosen = np.empty(count, dtype=np.int64)
    distance = np.full(len(pos), np.inf, dtype=np.float32)
    chosen[0] = start
    for turn in range(1, count):
        offset = pos - pos[chosen[turn - 1]]
        np.minimum(distance, np.einsum("nc,nc->n", offset, offset), out=distance)
        chosen[turn] = np.argmax(distance)
    return chosen


def inverse_distance(distance: Floats) -> Floats:
    """Return weights of inverse squared distance that sum to one along the last axis.

    PointNet++'s feature propagation (Qi et al. 2017, Eq. 2) uses them with three neighbors.
    """
    weight = 1.0 / np.maximum(distance.astype(np.float64) ** 2, 1e-12)
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True), dtype=np.float32)
