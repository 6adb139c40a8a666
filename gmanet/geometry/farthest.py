"""Exact farthest point sampling with a bounding-volume tree.

Points are sorted along a space-filling curve (Morton order) and cut into leaves of equal size,
the leaves of a binary tree.  A node stores the bounding box of its points and the point among them
with the largest distance to all points chosen so far (the gap).  A newly chosen point changes a
node only if the distance to the box is below the gap: only the few leaves around the new point are
visited, and the root then holds the next choice.

The distance to a box is computed by the same operations in the same order as the distance to a
point.  Rounding is monotone, so the computed distance to a box never exceeds the computed distance
to a point in the box.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Floats, Indices
from gmanet.geometry.jit import compiled

__all__ = ["farthest_from"]

Codes = npt.NDArray[np.uint64]

LEAF = 32
"""Points in a leaf."""

CELLS = 2**21
"""Number of cells of the Morton order along the longest edge: 3 x 21 bits fit into 64."""


def farthest_from(pos: Floats, count: int, *, start: int) -> Indices:
    """Return the indices of farthest point sampling, in the order of choice, ``(count,)``.

    Squared distances are compared in float32; among points at equal distances the lowest index is
    chosen.  If all remaining points coincide with chosen points, index 0 is repeated.

    Args:
        pos: The points to choose from, with shape ``(N, 3)``, float32.
        count: Points to choose, at most N.
        start: Index of the first point.
    """
    order = _leaves(pos)
    size = 1 << (-(-len(pos) // LEAF) - 1).bit_length()
    box = np.empty((2 * size, 6), dtype=np.float32)
    gap = np.full(2 * size, -1, dtype=np.float32)
    farthest = np.zeros(2 * size, dtype=np.int64)
    sorted_pos = np.ascontiguousarray(pos[order].T, dtype=np.float32)
    _grow(sorted_pos, order, box, gap, farthest)
    chosen = np.empty(count, dtype=np.int64)
    chosen[:1] = start
    _choose(pos, sorted_pos, order, box, gap, farthest, chosen)
    return chosen


def _leaves(pos: Floats) -> Indices:
    """Return the indices of all points by leaf, ascending within a leaf, with shape ``(N,)``."""
    low = pos.min(axis=0)
    extent = float((pos.max(axis=0) - low).max())
    code = np.empty(len(pos), dtype=np.uint64)
    _morton(pos, low, (CELLS - 1) / extent if extent > 0 else 0.0, code)
    order = np.argsort(code)
    full = len(pos) // LEAF * LEAF
    order[:full].reshape(-1, LEAF).sort(axis=1)
    order[full:].sort()
    return order


@compiled
def _spread(number: np.uint64) -> np.uint64:
    """Return a number of 21 bits with two zero bits inserted before each bit."""
    number = (number | number << np.uint64(32)) & np.uint64(0x001F00000000FFFF)
    number = (number | number << np.uint64(16)) & np.uint64(0x001F0000FF0000FF)
    number = (number | number << np.uint64(8)) & np.uint64(0x100F00F00F00F00F)
    number = (number | number << np.uint64(4)) & np.uint64(0x10C30C30C30C30C3)
    return (number | number << np.uint64(2)) & np.uint64(0x1249249249249249)


@compiled
def _morton(pos: Floats, low: Floats, scale: float, code: Codes) -> None:
    """Write each point's position along the Morton order into ``code``, with shape ``(N,)``."""
    for row in range(len(pos)):
        code[row] = 0
        for axis in range(3):
            cell = np.uint64((pos[row, axis] - low[axis]) * scale)
            code[row] |= _spread(cell) << np.uint64(axis)


@compiled
def _grow(sorted_pos: Floats, order: Indices, box: Floats, gap: Floats, farthest: Indices) -> None:
    """Build the tree before the first choice; node ``n`` has the children ``2 n`` and ``2 n + 1``.

    Args:
        sorted_pos: The points sorted by leaf, with shape ``(3, N)``.
        order: Indices of the sorted points, with shape ``(N,)``.
        box: Lowest and highest coordinates of each node, with shape ``(nodes, 6)``.
        gap: Squared distance of each node's farthest point to the chosen points, with shape
            ``(nodes,)``; set to infinity, or to -1 for a node without points.
        farthest: Index of each node's farthest point, with shape ``(nodes,)``.
    """
    size = len(gap) // 2
    box[:, :3], box[:, 3:] = np.inf, -np.inf
    for at in range(len(order)):
        node = size + at // LEAF
        if gap[node] < 0:
            gap[node], farthest[node] = np.inf, order[at]
        for axis in range(3):
            box[node, axis] = min(box[node, axis], sorted_pos[axis, at])
            box[node, 3 + axis] = max(box[node, 3 + axis], sorted_pos[axis, at])
    for node in range(size - 1, 0, -1):
        for axis in range(3):
            box[node, axis] = min(box[2 * node, axis], box[2 * node + 1, axis])
            box[node, 3 + axis] = max(box[2 * node, 3 + axis], box[2 * node + 1, 3 + axis])
        _join(node, gap, farthest)


@compiled
def _join(node: int, gap: Floats, farthest: Indices) -> None:
    """Update a node's farthest point from its two children; ties go to the lowest index."""
    one, two = 2 * node, 2 * node + 1
    equal = gap[one] == gap[two]
    if gap[one] < gap[two] or (equal and farthest[two] < farthest[one]):
        one = two
    gap[node], farthest[node] = gap[one], farthest[one]


@compiled
def _choose(
    pos: Floats,
    sorted_pos: Floats,
    order: Indices,
    box: Floats,
    gap: Floats,
    farthest: Indices,
    chosen: Indices,
) -> None:
    """Fill ``chosen``, with shape ``(count,)``, after its first entry."""
    distance = np.full(len(order), np.inf, np.float32)
    visited = np.empty(len(gap), np.int64)
    size = len(gap) // 2
    for step in range(1, len(chosen)):
        x, y, z = pos[chosen[step - 1]]
        found = _visit(x, y, z, box, gap, visited)
        for at in range(found - 1, -1, -1):  # children before their parents
            node = visited[at]
            if node < size:
                _join(node, gap, farthest)
            else:
                first = (node - size) * LEAF
                last = min(first + LEAF, len(order))
                far = _approach(x, y, z, sorted_pos, distance, first, last)
                gap[node], farthest[node] = distance[far], order[far]
        chosen[step] = farthest[1]


@compiled
def _visit(
    x: np.float32, y: np.float32, z: np.float32, box: Floats, gap: Floats, visited: Indices
) -> int:
    """Write the nodes that a newly chosen point (x, y, z) may change; return their number."""
    visited[0] = 1
    found, at, size = 1, 0, len(gap) // 2
    none = np.float32(0)
    while at < found:
        node = visited[at]
        at += 1
        if node >= size:
            continue
        for branch in range(2 * node, 2 * node + 2):
            a = max(box[branch, 0] - x, x - box[branch, 3], none)
            b = max(box[branch, 1] - y, y - box[branch, 4], none)
            c = max(box[branch, 2] - z, z - box[branch, 5], none)
            if a * a + b * b + c * c < gap[branch]:
                visited[found] = branch
                found += 1
    return found


@compiled
def _approach(
    x: np.float32,
    y: np.float32,
    z: np.float32,
    sorted_pos: Floats,
    distance: Floats,
    first: int,
    last: int,
) -> int:
    """Update a leaf's squared distances for a chosen point; return the farthest point's row."""
    for at in range(first, last):
        a, b, c = sorted_pos[0, at] - x, sorted_pos[1, at] - y, sorted_pos[2, at] - z
        distance[at] = min(distance[at], a * a + b * b + c * c)
    far = first
    for at in range(first + 1, last):
        if distance[at] > distance[far]:
            far = at
    return far
