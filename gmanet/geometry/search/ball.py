"""The first points within a radius: ball query in the order of the points, as PointNet++ groups.

Where points are in the order of farthest point sampling, the first ones in a ball are spread evenly
over it, and any order of the same points in a file gives the same ones.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.geometry.jit import compiled, over_rows

__all__ = ["first_within"]


def first_within(
    pos: Floats, query: Floats, *, radius: float, count: int, workers: int = 1
) -> Indices:
    """Return the first ``count`` points within a radius of each query, with shape ``(Q, count)``.

    The points are tried in their order until enough are found, which takes as long for a dense
    cloud as for a sparse one: the share of the points that lie in a ball decides.

    Args:
        pos: The points to choose from, with shape ``(N, 3)``, float32.
        query: Queries, with shape ``(Q, 3)``, float32; each coincides with one of the points.
        radius: Largest distance.
        count: Number of points; balls with fewer repeat their first one.
        workers: Threads.
    """
    index = np.empty((len(query), count), dtype=np.int64)
    limit = np.float32(radius) * np.float32(radius)
    points = np.ascontiguousarray(pos.T)
    over_rows(_first_within, len(query), workers, points, query, limit, index)
    return index


@compiled
def _first_within(
    points: Floats, query: Floats, limit: np.float32, index: Indices, first: int, last: int
) -> None:
    """Fill in the points of some queries; ``points`` has shape ``(3, N)``."""
    count = index.shape[1]
    for row in range(first, last):
        x, y, z = query[row, 0], query[row, 1], query[row, 2]
        found = 0
        for at in range(points.shape[1]):
            a, b, c = points[0, at] - x, points[1, at] - y, points[2, at] - z
            if a * a + b * b + c * c <= limit:
                index[row, found] = at
                found += 1
                if found == count:
                    break
        index[row, found:] = index[row, 0]
