"""Nearest points among evenly spaced ones, such as those of farthest point sampling, by a grid.

Points are sorted into cells about as large as a neighborhood, so that a query's neighbors are in
the 27 cells around the query.  The search is exact: only points closer than the border of the
searched cells count, and queries with too few such points are passed to a KD-tree.  All queries are
passed to the KD-tree if the spacing is so irregular that cells would be crowded.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Doubles, Floats, Indices
from gmanet.geometry.jit import compiled, over_rows
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.search.cells import bounds, by_cell, cells_around, cells_of, edge_within
from gmanet.geometry.search.smallest import Keys, smallest_first

__all__ = ["grid_nearest"]


TRIED = 10
"""Number of queries whose neighborhoods determine the size of the cells."""

SEEN = 16384
"""Largest number of points that these queries search; larger clouds are subsampled regularly.

Another number changes the cells, and thereby the order of points at equal distances.
"""

LARGER = 1.15
"""Ratio of the edge of a cell to the size of these neighborhoods."""

SMALL = 256
"""Number of points below which a KD-tree is as fast."""

CROWDED = 4
"""Limit for the mean number of points in a query's cell, in sizes of a neighborhood.

Above the limit the spacing is too irregular for a grid.
"""

WIDEST = 2
"""Number of cells searched on each side before a query is passed to the KD-tree."""

LIKELY = 1.25
"""Ratio of a query's first squared search radius to the previous query's squared distance.

The latter is the squared distance to the farthest neighbor of the previous query, which is usually
close by.  The radius is sufficient for most queries; the others are searched again up to the border
of the cells.
"""


def grid_nearest(
    pos: Floats, query: Floats, *, count: int, workers: int = 1
) -> tuple[Floats, Indices]:
    """Return distances and indices of each query's nearest points, with shape ``(Q, count)``.

    The result is that of :func:`gmanet.geometry.neighbors.nearest`; the search is several times
    faster where points are evenly spaced.

    Args:
        pos: The points to choose from, with shape ``(N, 3)``.
        query: Queries, with shape ``(Q, 3)``.
        count: Neighbors per query; clouds with fewer points repeat the farthest neighbor.
        workers: Threads.
    """
    if len(pos) < max(SMALL, 2 * count) or not len(query):
        return nearest(pos, query, count=count, workers=workers)
    pos, query = (np.ascontiguousarray(part, dtype=np.float32) for part in (pos, query))
    low, high = bounds(pos)
    size = _cell(pos, query, count=count, extent=(high - low).astype(np.float64))
    shape = ((high - low) / size).astype(np.int64) + 1
    cell = cells_of(pos, low, size, shape)
    order, start = by_cell(cell, int(shape.prod()))
    own = cell if query is pos else cells_of(query, low, size, shape)
    if (start[own + 1] - start[own]).mean() > CROWDED * count + SMALL:
        return nearest(pos, query, count=count, workers=workers)
    rows = order if query is pos else by_cell(own, len(start) - 1)[0]
    distance = np.empty((len(query), count), dtype=np.float32)
    index = np.empty((len(query), count), dtype=np.int64)
    arguments = (
        np.ascontiguousarray(pos[order].T),
        order,
        start,
        low,
        size,
        shape,
        query,
        rows,
        distance,
        index,
    )
    over_rows(_search, len(query), workers, *arguments)
    rest = np.flatnonzero(index[:, 0] < 0)
    if len(rest):
        distance[rest], index[rest] = nearest(pos, query[rest], count=count, workers=workers)
    return distance, index


def _cell(pos: Floats, query: Floats, *, count: int, extent: Doubles) -> np.float32:
    """Return the edge of cells that contain the neighborhoods of most queries."""
    some = query[:: -(-len(query) // TRIED)]
    step = -(-len(pos) // SEEN)
    nth = count // step
    reach = np.sqrt(_squared_reach(some, pos[::step], nth))
    size = LARGER * float(np.median(reach))
    return np.float32(edge_within(extent, size))


@compiled
def _squared_reach(some: Floats, pos: Floats, nth: int) -> Floats:
    """Return the squared distance of each query to its ``nth`` nearest point, from 0, ``(Q,)``."""
    reach, least = np.empty(len(some), np.float32), np.empty(nth + 1, np.float32)
    for row in range(len(some)):
        least[:] = np.inf
        x, y, z = some[row, 0], some[row, 1], some[row, 2]
        for at in range(len(pos)):
            a, b, c = x - pos[at, 0], y - pos[at, 1], z - pos[at, 2]
            square = a * a + b * b + c * c
            if square < least[nth]:
                back = nth
                while back > 0 and least[back - 1] > square:
                    least[back] = least[back - 1]
                    back -= 1
                least[back] = square
        reach[row] = least[nth]
    return reach


@compiled
def _search(
    points: Floats,
    order: Indices,
    start: Indices,
    low: Floats,
    size: np.float32,
    shape: Indices,
    query: Floats,
    rows: Indices,
    distance: Floats,
    index: Indices,
    first: int,
    last: int,
) -> None:
    """Fill in the neighbors of a range of queries; index -1 if the cells hold too few.

    ``points`` has shape ``(3, N)``, in the order of the cells.
    """
    count = distance.shape[1]
    square = np.empty(points.shape[1], dtype=np.float32)
    key = np.empty(points.shape[1], dtype=np.uint64)
    ranked = np.empty(count, dtype=np.uint64)
    begin, end = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    likely = np.float32(np.inf)
    for number in range(first, last):
        row = rows[number]
        center = query[row]
        found = 0
        for margin in range(1, WIDEST + 1):
            sure = cells_around(center, low, size, shape, margin, begin, end)
            limit = sure * sure if sure > 0 else np.float32(-1)
            few = min(limit, likely)
            found = _collect(points, start, shape, begin, end, center, few, square, key)
            if found < count and few < limit:
                found = _collect(points, start, shape, begin, end, center, limit, square, key)
            if found >= count:
                break
        if found < count:
            index[row, 0] = -1
            continue
        smallest_first(key, found, count, ranked)
        for at in range(count):
            item = np.int64(key[at] & np.uint64(0xFFFFFFFF))
            away = np.float32(0)
            for axis in range(3):
                away += (points[axis, item] - center[axis]) ** 2
            distance[row, at], index[row, at] = np.sqrt(away), order[item]
            likely = np.float32(LIKELY) * away


@compiled
def _collect(
    points: Floats,
    start: Indices,
    shape: Indices,
    begin: Indices,
    end: Indices,
    center: Floats,
    limit: np.float32,
    square: Floats,
    key: Keys,
) -> int:
    """Return the number of points within ``limit`` in a range of cells, and fill in their keys.

    A key consists of the bits of the squared distance, which sort like the distance, followed by
    the number of the point.
    """
    bits = square.view(np.uint32)
    x, y, z = center[0], center[1], center[2]
    found = 0
    for i in range(begin[0], end[0]):
        for j in range(begin[1], end[1]):
            line = (i * shape[1] + j) * shape[2]
            first = start[line + begin[2]]
            length = start[line + end[2]] - first
            for at in range(length):
                a, b = points[0, first + at] - x, points[1, first + at] - y
                c = points[2, first + at] - z
                square[at] = a * a + b * b + c * c
            for at in range(length):
                key[found] = (np.uint64(bits[at]) << np.uint64(32)) | np.uint64(first + at)
                found += square[at] <= limit
    return found
