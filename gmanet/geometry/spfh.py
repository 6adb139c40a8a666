r"""Descriptors of a neighborhood: distributions of angles between normals and lines to neighbors.

For a point :math:`i` and a neighbor :math:`j` in the direction
:math:`d = (p_j - p_i) / \|p_j - p_i\|`, three angles are invariant to rigid motions: the angle
between the line and the tangent plane at :math:`i` (:math:`\arcsin n_i d`), the same angle at
:math:`j`, and the angle between the normals.  Their histograms over the
neighbors are the simplified point feature histogram (SPFH) of Rusu et al. 2009.  Two changes
make it sensitive to tenths of a degree on machined surfaces: a square-root warp of the angles, so
that bins are narrow near zero, and linear instead of hard binning.

The sign of a PCA normal is arbitrary.  The histogram uses the sign for which most of the
neighborhood is above the tangent plane, so that the cloud needs no consistent orientation.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.geometry.jit import compiled, over_rows

__all__ = ["BINS", "HISTOGRAM", "local_frame", "pooled", "spfh"]

BINS = 11
"""Bins of one angle, as in the FPFH of Rusu et al. 2009."""

HISTOGRAM = 3 * BINS
"""Channels of the histograms of all three angles."""


def _pair_angles(
    pos: Floats,
    normal: Floats,
    *,
    query: Floats,
    query_normal: Floats,
    neighbors: Indices,
    workers: int = 1,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return distance and the sines ``n_i d``, ``n_j d`` and cosine ``|n_i n_j|``, each ``(Q, K)``.

    Both sines have the sign for which their sum over the neighborhood is positive.
    """
    out = [np.empty(neighbors.shape, dtype=np.float32) for _ in range(4)]
    arrays = [np.ascontiguousarray(part, np.float32) for part in (pos, normal, query, query_normal)]
    over_rows(_angles_of, len(query), workers, *arrays, neighbors, *out)
    return out[0], out[1], out[2], out[3]


@compiled
def _angles_of(
    pos: Floats,
    normal: Floats,
    query: Floats,
    query_normal: Floats,
    neighbors: Indices,
    distance: Floats,
    here: Floats,
    there: Floats,
    cosine: Floats,
    first: int,
    last: int,
) -> None:
    for row in range(first, last):
        x, y, z = query[row, 0], query[row, 1], query[row, 2]
        u, v, w = query_normal[row, 0], query_normal[row, 1], query_normal[row, 2]
        for at in range(neighbors.shape[1]):
            other = neighbors[row, at]
            a, b, c = pos[other, 0] - x, pos[other, 1] - y, pos[other, 2] - z
            e, f, g = normal[other, 0], normal[other, 1], normal[other, 2]
            length = np.sqrt(a * a + b * b + c * c) + np.float32(1e-12)
            dot = u * e + v * f + w * g
            flip = np.float32(-1) if dot < 0 else np.float32(1)
            distance[row, at], cosine[row, at] = length, abs(dot)
            here[row, at] = (a * u + b * v + c * w) / length
            there[row, at] = (a * e + b * f + c * g) / length * flip
        total = np.float32(0)
        for at in range(neighbors.shape[1]):
            total += here[row, at] - there[row, at]
        if total < 0:
            for at in range(neighbors.shape[1]):
                here[row, at], there[row, at] = -here[row, at], -there[row, at]


@compiled
def _histograms_of(
    here: Floats, there: Floats, cosine: Floats, out: Floats, first: int, last: int
) -> None:
    """Fill in histograms, linearly binned, of root-warped angles."""
    count, last_bin = here.shape[1], np.float32(BINS - 1)
    unit, half, one = np.float32(1 / count), np.float32(0.5), np.float32(1)
    scaled = np.empty(count, dtype=np.float32)
    for row in range(first, last):
        out[row] = 0
        for kind in range(3):
            # a separate loop for the angles has no branches and can be vectorized
            if kind < 2:
                sines = here[row] if kind == 0 else there[row]
                for at in range(count):
                    root = half * np.sqrt(_arcsine(abs(sines[at])))
                    scaled[at] = (half + (root if sines[at] >= 0 else -root)) * last_bin
            else:
                for at in range(count):
                    angle = np.sqrt(max(one - _arcsine(cosine[row, at]), np.float32(0)))
                    scaled[at] = angle * last_bin
            for at in range(count):
                low = min(max(int(scaled[at]), 0), BINS - 2)
                share = (scaled[at] - np.float32(low)) * unit
                out[row, kind * BINS + low] += unit - share
                out[row, kind * BINS + low + 1] += share


@compiled
def _arcsine(sine: np.float32) -> np.float32:
    """Return arcsin of a value in [0, 1], in right angles, precise to float32 also near 0.

    The coefficients are those of asinf in Cephes (Moshier 1992).
    """
    x = min(sine, np.float32(1))
    small = x <= np.float32(0.5)
    z = x * x if small else (np.float32(1) - x) * np.float32(0.5)
    root = x if small else np.sqrt(z)
    y = np.float32(4.2163199048e-2)
    y = y * z + np.float32(2.4181311049e-2)
    y = y * z + np.float32(4.5470025998e-2)
    y = y * z + np.float32(7.4953002686e-2)
    y = y * z + np.float32(1.6666752422e-1)
    angle = (root + root * z * y) * np.float32(2 / np.pi)
    return angle if small else np.float32(1) - angle - angle


def spfh(
    pos: Floats,
    normal: Floats,
    query: Floats,
    query_normal: Floats,
    neighbors: Indices,
    workers: int = 1,
) -> Floats:
    """Return the three angle histograms of each query, with shape ``(Q, 3 * BINS)``.

    Args:
        pos: Points, with shape ``(N, 3)``, in any unit.
        normal: Their unit normals of any sign, with shape ``(N, 3)``.
        query: Queries, with shape ``(Q, 3)``.
        query_normal: Unit normals there, with shape ``(Q, 3)``.
        neighbors: Indices into ``pos`` without the query itself, with shape ``(Q, K)``.
        workers: Threads.
    """
    angles = _pair_angles(
        pos, normal, query=query, query_normal=query_normal, neighbors=neighbors, workers=workers
    )[1:]
    out = np.empty((len(query), HISTOGRAM), dtype=np.float32)
    over_rows(_histograms_of, len(query), workers, *angles, out)
    return out


def local_frame(
    pos: Floats,
    normal: Floats,
    query: Floats,
    query_normal: Floats,
    neighbors: Indices,
    workers: int = 1,
) -> Floats:
    """Return each neighbor's position in the local reference frame, with shape ``(Q, K, 6)``.

    The six values are the height above the tangent plane, the distance within the plane, the
    distance (all as fractions of the median distance), and the three angles of this module.  They
    are invariant to rigid motions.  The arguments are those of :func:`spfh`.
    """
    angles = _pair_angles(
        pos, normal, query=query, query_normal=query_normal, neighbors=neighbors, workers=workers
    )
    distance, here, there, cosine = angles
    reach = distance / np.median(distance, axis=1, keepdims=True)
    height, tangent = reach * here, reach * np.sqrt(np.maximum(1 - here**2, 0))
    dot = np.sqrt(np.maximum(1 - cosine, 0))
    return np.stack([height, tangent, reach, here, there, dot], axis=2).astype(np.float32)


def pooled(values: Floats, neighbors: Indices, *, workers: int = 1) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the neighbors' values, each with shape ``(Q, C)``.

    The mean over many neighbors is the local feature aggregation of Simple3D (LFSA); the standard
    deviation is sensitive to single deviating points.

    Args:
        values: Values of each point, with shape ``(N, C)``.
        neighbors: Indices into ``values``, with shape ``(Q, K)``.
        workers: Threads.
    """
    shape = (len(neighbors), values.shape[1])
    mean, spread = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    values = np.ascontiguousarray(values, dtype=np.float32)
    over_rows(_moments_of, len(neighbors), workers, values, neighbors, mean, spread)
    return mean, spread


@compiled
def _moments_of(
    values: Floats, neighbors: Indices, mean: Floats, spread: Floats, first: int, last: int
) -> None:
    channels, unit = values.shape[1], np.float32(1 / neighbors.shape[1])
    total, square = np.empty(channels, dtype=np.float32), np.empty(channels, dtype=np.float32)
    for row in range(first, last):
        total[:] = 0
        square[:] = 0
        for at in range(neighbors.shape[1]):
            other = neighbors[row, at]
            for channel in range(channels):
                value = values[other, channel]
                total[channel] += value
                square[channel] += value * value
        for channel in range(channels):
            middle = total[channel] * unit
            mean[row, channel] = middle
            variance = square[channel] * unit - middle * middle
            spread[row, channel] = np.sqrt(max(variance, np.float32(0)))
