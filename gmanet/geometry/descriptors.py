r"""Neighborhood descriptors: how normals and lines to the neighbors turn around a point.

For a point :math:`i` and its neighbor :math:`j` at :math:`d = (p_j - p_i) / \|p_j - p_i\|`, three
angles do not change when the part moves: between the line and the tangent plane at :math:`i`
(:math:`\arcsin n_i d`), the same at :math:`j`, and between the normals.  Their histograms over the
neighbors are the simplified point feature histogram (SPFH) of Rusu et al. 2009.  Two changes make
it see tenths of a degree on machined surfaces: a root warp, so that bins are narrow near zero,
and linear instead of hard binning.

The sign of a PCA normal is arbitrary.  The histogram is taken for the sign that puts most of the
neighborhood above the tangent plane, so no sign has to be guessed for the whole cloud.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from gmanet.cloud import Floats, Indices

__all__ = ["BINS", "HISTOGRAM", "local_frame", "pooled", "spfh"]

BINS = 11
"""Bins of one angle, as in the FPFH of Rusu et al. 2009."""

HISTOGRAM = 3 * BINS
"""Channels of the histograms of all three angles."""


def _pair_angles(
    pos: Floats, normal: Floats, query: Floats, query_normal: Floats, neighbors: Indices
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return distance and the sines ``n_i d``, ``n_j d`` and cosine ``|n_i n_j|``, each ``(Q, K)``.

    Both sines carry the sign that makes their sum over the neighborhood positive.
    """
    offset = pos[neighbors] - query[:, None]
    other = normal[neighbors]
    distance = np.sqrt(np.einsum("qkc,qkc->qk", offset, offset)) + 1e-12
    cosine = np.einsum("qkc,qc->qk", other, query_normal)
    here = np.einsum("qkc,qc->qk", offset, query_normal) / distance
    there = np.einsum("qkc,qkc->qk", offset, other) / distance * np.where(cosine < 0, -1, 1)
    sign = np.where((here - there).sum(axis=1) < 0, -1, 1)[:, None].astype(np.float32)
    return distance, here * sign, there * sign, np.abs(cosine)


def _soft_histogram(place: Floats) -> Floats:
    """Return histograms with linear binning of ``(Q, K)`` values in [0, 1], ``(Q, BINS)``."""
    queries, count = place.shape
    scaled = place * (BINS - 1)
    low = np.minimum(scaled.astype(np.int32), BINS - 2)
    share = (scaled - low).ravel()
    cell = (np.arange(queries, dtype=np.int32)[:, None] * BINS + low).ravel()
    histogram = np.bincount(cell, weights=1 - share, minlength=queries * BINS)
    histogram += np.bincount(cell + 1, weights=share, minlength=queries * BINS)
    return np.asarray(histogram / count, dtype=np.float32).reshape(queries, BINS)


def _warped(sine: Floats) -> Floats:
    """Return signed angles with a root warp, mapped from ``[-pi/2, pi/2]`` to [0, 1]."""
    angle = np.arcsin(np.clip(sine, -1, 1)) / (np.pi / 2)
    return np.asarray((np.sign(angle) * np.sqrt(np.abs(angle)) + 1) / 2, dtype=np.float32)


def spfh(
    pos: Floats, normal: Floats, query: Floats, query_normal: Floats, neighbors: Indices
) -> Floats:
    """Return the three angle histograms of each place, with shape ``(Q, 3 * BINS)``.

    Args:
        pos: Points, with shape ``(N, 3)``, in any unit.
        normal: Their unit normals of any sign, with shape ``(N, 3)``.
        query: Places, with shape ``(Q, 3)``.
        query_normal: Unit normals there, with shape ``(Q, 3)``.
        neighbors: Indices into ``pos`` without the place itself, with shape ``(Q, K)``.
    """
    _, here, there, cosine = _pair_angles(pos, normal, query, query_normal, neighbors)
    between = np.sqrt(np.arccos(np.clip(cosine, 0, 1)) / (np.pi / 2))
    angles = (_warped(here), _warped(there), between)
    return np.concatenate([_soft_histogram(angle) for angle in angles], axis=1)


def local_frame(
    pos: Floats, normal: Floats, query: Floats, query_normal: Floats, neighbors: Indices
) -> Floats:
    """Return each neighbor's place in the local reference frame, with shape ``(Q, K, 6)``.

    Height over and distance in the tangent plane, distance (all as fractions of the median
    distance), and the three angles of this module; nothing changes when the part turns.
    """
    distance, here, there, cosine = _pair_angles(pos, normal, query, query_normal, neighbors)
    reach = distance / np.median(distance, axis=1, keepdims=True)
    height, tangent = reach * here, reach * np.sqrt(np.maximum(1 - here**2, 0))
    turn = np.sqrt(np.maximum(1 - cosine, 0))
    return np.stack([height, tangent, reach, here, there, turn], axis=2).astype(np.float32)


def pooled(values: Floats, neighbors: Indices) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the neighbors' values, each with shape ``(Q, C)``.

    The mean over many neighbors is the local feature smoothing that Simple3D (LFSA) lives from;
    the standard deviation tells one deviating point among them from none.

    Args:
        values: With shape ``(N, C)``.
        neighbors: Indices into ``values``, with shape ``(Q, K)``.
    """
    queries, count = neighbors.shape
    weight = np.full(neighbors.size, 1 / count, dtype=np.float32)
    start = np.arange(0, neighbors.size + 1, count)
    average = csr_array((weight, neighbors.ravel(), start), shape=(queries, len(values)))
    mean = average @ values
    variance = average @ np.square(values) - np.square(mean)
    return mean, np.sqrt(np.maximum(variance, 0))
