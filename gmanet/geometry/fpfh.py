r"""Fast point feature histograms, FPFH [Rusu, Blodow and Beetz, ICRA 2009], as Open3D has them.

For a pair of points with normals, the one whose normal is closer to the line between them gives the
Darboux frame :math:`u = n_1,\ v = d \times u / \|d \times u\|,\ w = u \times v`; the angles are
:math:`\alpha = v \cdot n_2,\ \phi = u \cdot d,\ \theta = \arctan(w \cdot n_2,\ u \cdot n_2)`.
Their histograms over a neighborhood are the SPFH, and

.. math:: FPFH(p) = SPFH(p) + \frac{100}{Z} \sum_k \frac{1}{\|p - p_k\|^2} SPFH(p_k),

where :math:`Z` scales the sum to 100 per histogram.  Channels are 11 bins of :math:`\theta`, of
:math:`\alpha` and of :math:`\phi`; each 11 sum to 200.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles, Floats, Indices, extent
from gmanet.geometry.pca import pca_normals

__all__ = ["FPFH", "fpfh", "part_fpfh"]

BINS = 11

FPFH = 3 * BINS
"""Channels of one FPFH."""

BLOCK = 2**15
"""Number of pairs in a block: arrays of a block stay in the processor's cache."""

NORMAL = (30, 1 / 30)
"""Number of points of a normal's neighborhood, and radius as a fraction of the extent."""

HISTOGRAM = (100, 2.5 / 30)
"""The same for a histogram's neighborhood.

The radii are 1 mm and 2.5 mm on a part of 30 mm, as in Real3D-AD's benchmark.
"""

Neighbors = npt.NDArray[np.int32]


def fpfh(
    pos: Floats,
    normal: Floats,
    *,
    counts: Sequence[int],
    radius: float = np.inf,
    query: Indices | None = None,
) -> Floats:
    """Return the FPFH of points for each neighborhood size, with shape ``(Q, 33 * len(counts))``.

    A size of ``k`` without a radius is Open3D's ``KDTreeSearchParamKNN(k)``, with one its
    ``KDTreeSearchParamHybrid``.  Several sizes share one search and one set of angles.

    Args:
        pos: Points, with shape ``(N, 3)``, in any unit.
        normal: Their unit normals, with shape ``(N, 3)``.
        counts: Neighborhood sizes, ascending, the point itself included.
        radius: Neighbors are closer than this, in the unit of ``pos``.
        query: Rows of ``pos`` to describe, with shape ``(Q,)``; None describes all.  Simple
            histograms are then made for these and their neighbors only.
    """
    oriented = np.empty((6, len(pos))).T  # components first in memory
    oriented[:, :3], oriented[:, 3:] = pos - pos.mean(axis=0, dtype=np.float64), normal
    tree = cKDTree(oriented[:, :3])
    rows = np.arange(len(pos)) if query is None else query
    around = _neighbors(tree, rows, count=counts[-1], radius=radius)
    used = np.zeros(len(pos), dtype=bool)
    used[around] = True
    used[rows] = True
    needed = np.flatnonzero(used)
    plain = np.empty((len(needed), len(counts), FPFH), dtype=np.float32)
    for block in _blocks(len(needed), counts[-1]):
        at = needed[block]
        neighbors = (
            around[block]
            if query is None
            else _neighbors(tree, at, count=counts[-1], radius=radius)
        )
        plain[block] = _simple(oriented, at, neighbors=neighbors, counts=counts)
    row_of = (np.cumsum(used) - 1).astype(np.int32)
    result = np.empty((len(rows), len(counts), FPFH), dtype=np.float32)
    for block in _blocks(len(rows), counts[-1]):
        result[block] = _weighted(
            oriented,
            rows[block],
            neighbors=around[block],
            counts=counts,
            plain=plain,
            row_of=row_of,
        )
    return result.reshape(len(rows), -1)


def part_fpfh(pos: Floats, query: Indices | None = None) -> Floats:
    """Return the FPFH of a part in the radii of Real3D-AD's benchmark, with shape ``(Q, 33)``.

    Args:
        pos: Points in any unit, with shape ``(N, 3)``: radii are fractions of the extent.
        query: Rows of ``pos`` to describe, with shape ``(Q,)``; None describes all.
    """
    length = extent(pos)
    normal = pca_normals(pos, NORMAL[0], radius=NORMAL[1] * length)
    return fpfh(pos, normal, counts=HISTOGRAM[:1], radius=HISTOGRAM[1] * length, query=query)


def _blocks(rows: int, count: int) -> Iterator[slice]:
    step = max(1, BLOCK // count)
    return (slice(start, start + step) for start in range(0, rows, step))


def _query(tree: cKDTree, at: Doubles, *, count: int, radius: float) -> tuple[Doubles, Indices]:
    found = tree.query(at, np.arange(1, min(count, tree.n) + 1), distance_upper_bound=radius)
    return np.asarray(found[0]), np.asarray(found[1])


def _neighbors(tree: cKDTree, rows: Indices, *, count: int, radius: float) -> Neighbors:
    """Return neighbors by distance, ``(Q, K - 1)``, the point itself where there are too few."""
    around = np.empty((len(rows), min(count, tree.n) - 1), dtype=np.int32)
    for block in _blocks(len(rows), count):
        at = rows[block]
        distance, index = _query(tree, tree.data[at], count=count, radius=radius)
        around[block] = np.where(distance < radius, index, at[:, None])[:, 1:]
    return around


def _angles(
    oriented: Doubles, at: Indices, *, neighbors: Neighbors
) -> tuple[Doubles, Doubles, Doubles]:
    """Return theta, alpha and phi of pairs, each scaled to [0, 1] and with shape ``(Q, K)``."""
    one = oriented[at]
    two = np.stack([part.take(neighbors) for part in oriented.T])  # operations run over pairs
    n = one[:, 3:].T[:, :, None]
    m = two[3:]
    d = two[:3] - one[:, :3].T[:, :, None]
    distance = np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
    with np.errstate(divide="ignore", invalid="ignore"):
        d /= distance
        here = n[0] * d[0] + n[1] * d[1] + n[2] * d[2]
        there = m[0] * d[0] + m[1] * d[1] + m[2] * d[2]
        swap = np.abs(here) < np.abs(there)
        phi = np.where(swap, -there, here)
        other = np.where(swap, -here, there)
        sine = np.sqrt(np.maximum(1 - phi * phi, 0))
        cosine = n[0] * m[0] + n[1] * m[1] + n[2] * m[2]
        volume = d[0] * (n[1] * m[2] - n[2] * m[1])
        volume += d[1] * (n[2] * m[0] - n[0] * m[2])
        volume += d[2] * (n[0] * m[1] - n[1] * m[0])
        alpha = volume / sine
    theta = np.arctan2(other - phi * cosine, sine * cosine)
    undefined = ~(sine > 0)  # no frame: Open3D counts three zeros
    for angle in (theta, alpha, phi):
        angle[undefined] = 0
    return theta / (2 * np.pi) + 0.5, alpha / 2 + 0.5, phi / 2 + 0.5


def _simple(
    oriented: Doubles, at: Indices, *, neighbors: Neighbors, counts: Sequence[int]
) -> Doubles:
    """Return SPFH in percent for each neighborhood size, with shape ``(Q, S, 33)``."""
    row = np.arange(len(at))[:, None] * FPFH
    missing = neighbors == at[:, None]
    cells = []
    for number, value in enumerate(_angles(oriented, at, neighbors=neighbors)):
        cell = np.clip((value * BINS).astype(np.int64), 0, BINS - 1) + (row + number * BINS)
        cell[missing] = len(at) * FPFH
        cells.append(cell)
    total = np.zeros(len(at) * FPFH)
    result = np.empty((len(at), len(counts), FPFH))
    for number, (start, stop) in enumerate(zip((1, *counts), counts, strict=False)):
        for cell in cells:
            part = cell[:, start - 1 : stop - 1].ravel()
            total += np.bincount(part, minlength=total.size + 1)[:-1]
        found = (~missing[:, : stop - 1]).sum(axis=1)
        result[:, number] = total.reshape(-1, FPFH) * (100 / np.maximum(found, 1))[:, None]
    return result


def _weighted(
    oriented: Doubles,
    at: Indices,
    *,
    neighbors: Neighbors,
    counts: Sequence[int],
    plain: Floats,
    row_of: Neighbors,
) -> Doubles:
    """Return FPFH for each neighborhood size, with shape ``(Q, S, 33)``."""
    square = np.zeros(neighbors.shape)
    for part in oriented.T[:3]:
        square += np.square(part.take(neighbors) - part[at, None])
    weight = np.divide(1, square, out=np.zeros_like(square), where=square > 0)
    result = np.empty((len(at), len(counts), FPFH))
    for number, count in enumerate(counts):
        near, share = (
            row_of.take(neighbors[:, : count - 1]),
            weight[:, : count - 1].astype(np.float32),
        )
        start = np.arange(len(at) + 1, dtype=np.int32) * near.shape[1]
        matrix = csr_array((share.ravel(), near.ravel(), start), shape=(len(at), len(plain)))
        total = (matrix @ plain[:, number]).reshape(len(at), 3, BINS)
        norm = np.maximum(total.sum(axis=2, keepdims=True), 1e-30)
        result[:, number] = (total * (100 / norm)).reshape(len(at), FPFH)
        result[:, number] += plain[row_of[at], number]
    return result
