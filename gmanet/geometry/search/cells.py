"""Grids of cubic cells with the points sorted by cell, for neighbor searches."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Indices
from gmanet.geometry.jit import compiled

__all__ = ["bounds", "by_cell", "cells_around", "cells_of", "edge_within"]

CELLS = 2**21
"""Largest number of cells, which limits memory."""

Points = npt.NDArray[np.floating[Any]]
Size = np.floating[Any]


def edge_within(extent: Points, edge: float) -> float:
    """Return an edge, ``edge`` or larger, for which at most ``CELLS`` cells fill a box.

    Args:
        extent: Edges of the box, with shape ``(3,)``.
        edge: Desired edge of a cell.
    """
    edge = max(edge, float(extent.max()) / CELLS, 1e-30)
    while np.prod(extent // edge + 1) > CELLS:
        edge *= 1.25
    return edge


@compiled
def bounds(points: Points) -> tuple[Points, Points]:
    """Return the lowest and the highest coordinates of points, each with shape ``(3,)``.

    The compiled loop is ten times faster than NumPy's minimum along the first axis.
    """
    low, high = points[0].copy(), points[0].copy()
    for row in range(1, len(points)):
        for axis in range(3):
            value = points[row, axis]
            low[axis], high[axis] = min(low[axis], value), max(high[axis], value)
    return low, high


@compiled
def cells_of(points: Points, low: Points, size: Size, shape: Indices) -> Indices:
    """Return the number of the cell that contains or is nearest to each query, ``(Q,)``."""
    cell = np.zeros(len(points), dtype=np.int64)
    for row in range(len(points)):
        for axis in range(3):
            at = int((points[row, axis] - low[axis]) / size)
            cell[row] = cell[row] * shape[axis] + min(max(at, 0), shape[axis] - 1)
    return cell


@compiled
def by_cell(cell: Indices, cells: int) -> tuple[Indices, Indices]:
    """Return rows sorted by cell, and the start of each cell in the sorted rows."""
    start = np.zeros(cells + 1, dtype=np.int64)
    for one in cell:
        start[one + 1] += 1
    for at in range(cells):
        start[at + 1] += start[at]
    order, free = np.empty(len(cell), dtype=np.int64), start.copy()
    for row in range(len(cell)):
        order[free[cell[row]]] = row
        free[cell[row]] += 1
    return order, start


@compiled
def cells_around(
    point: Points,
    low: Points,
    size: Size,
    shape: Indices,
    margin: int,
    begin: Indices,
    end: Indices,
) -> Size:
    """Fill in the range of cells around a query; return the radius that they cover for sure."""
    sure = np.float32(np.inf)
    for axis in range(3):
        away = point[axis] - low[axis]
        at = min(max(int(away / size), 0), shape[axis] - 1)
        begin[axis], end[axis] = max(at - margin, 0), min(at + margin + 1, shape[axis])
        if begin[axis] > 0:
            sure = min(sure, away - begin[axis] * size)
        if end[axis] < shape[axis]:
            sure = min(sure, end[axis] * size - away)
    return sure - np.float32(1e-4) * size  # allows for rounding
