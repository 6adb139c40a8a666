"""Octree resampling: the point nearest to the center of each cell (the paper, Section III C).

Points are selected and never moved, so that labels and normals of a point remain valid.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.errors import InputError

__all__ = ["cell_of_depth", "octree_sample"]

MOST = 2**20
"""Largest number of cells along an edge, which the keys can hold."""


def cell_of_depth(pos: Floats, depth: int) -> float:
    """Return the edge of a cell of an octree over the points, in their unit.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        depth: Number of times that the bounding cube is halved.
    """
    return float(np.ptp(pos, axis=0).max() / 2.0**depth)


def octree_sample(pos: Floats, cell: float) -> Indices:
    """Return the indices of the chosen points, ascending, one for each cell that holds any.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        cell: Edge of a cell in their unit.

    Raises:
        InputError: The cell is not above 0, or far too small for the cloud.
    """
    size = float(np.ptp(pos, axis=0).max())
    if not cell > 0 or size / cell >= MOST:
        raise InputError(f"a cell of {cell} for a cloud of size {size:.6g}, wanted a larger one")
    offset = (pos - pos.min(axis=0)) / np.float32(cell)
    index = offset.astype(np.int32)
    offset -= index + np.float32(0.5)
    off = np.einsum("nc,nc->n", offset, offset)
    key = index[:, 0].astype(np.int64)
    for axis in (1, 2):
        key = key * MOST + index[:, axis]
    order = np.lexsort((off, key))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = np.diff(key[order]) != 0
    return np.sort(order[first])
