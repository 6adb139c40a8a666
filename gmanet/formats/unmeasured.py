"""Unmeasured points: placeholders that scanners and their software write for missing data.

Unmeasured are

- points with a coordinate that is not finite (NaN, infinity);
- points at exactly ``0 0 0``, if there are at least two of them, or if a single one is far from all
  other points.  In a cloud most points of which are repeated (corners of separate triangles), they
  count as measured, unless the origin is repeated more often than any other position;
- sentinels: positions or single coordinates that several points share, far from all other points.
  "Far" depends on the value: two sizes of the cloud for usual sentinels (9999, 32767, 65535, 1e30,
  ...), five sizes for other positions, fifty sizes for other single coordinates.  A single point is
  a sentinel from ten sizes on if a coordinate is a usual sentinel, and from a thousand sizes on in
  any case.

Outliers of a scanner (single points some sizes away), points that occur twice and points of a cloud
around the origin are measured.  Size and middle of the cloud are computed from the distinct values
of a coordinate: few of these are sentinels, even if many points are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Doubles, Floats, Labels

__all__ = ["Measured", "measured", "measured_pixels"]


USUAL = np.array(
    [
        *(999, 9999, 99999, 999999, 9999999, 99999999, 999999999),
        *(999.9, 999.99, 999.999, 9999.9, 9999.99, 9999.999, 99999.9, 99999.99),
        *(32767, 32768, 65535, 65536, 16777215, 2147483647, 2147483648, 4294967295),
        *(10.0**power for power in range(3, 39)),
        *(float(np.finfo(np.float32).max), float(np.finfo(np.float64).max)),
    ]
)
"""Usual sentinels: absolute coordinates that stand for unmeasured points."""
FAR_USUAL, FAR_PLACE, FAR_COORDINATE = 2.0, 5.0, 50.0
"""Distances from the middle, in sizes of the cloud, from which on a shared value is a sentinel.

They hold for a usual sentinel, for another position and for another single coordinate.
"""
FAR_ALONE = 1000.0
"""The same distance for a single point; ``FAR_ALONE_USUAL`` if a coordinate is a usual sentinel."""
FAR_ALONE_USUAL = 10.0
FAR_ORIGIN = 3.0
"""The same distance for a single point at the origin."""
SHARED = 3
"""Least number of points that share a coordinate of a sentinel."""
DISTINCT = 4
"""Least number of distinct values of a coordinate that determine a size."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Which points of a file were measured.

    Args:
        mask: True where a point was measured, with shape ``(N,)``.
        found: Placeholders of the unmeasured points, for messages: ``0 0 0``, ``NaN``.
    """

    mask: Labels
    found: str


def measured(pos: Doubles) -> Measured:
    """Return which points were measured.

    Args:
        pos: The file's coordinates, with shape ``(N, 3)``.
    """
    finite = np.isfinite(pos).all(axis=1)
    zero = (pos == 0).all(axis=1)
    rest = np.flatnonzero(finite & ~zero)
    with np.errstate(over="ignore", invalid="ignore"):
        sentinel = np.zeros(len(pos), np.bool_)
        middle, size = _middle(pos[rest])
        if size > 0:
            sentinel[rest] = _sentinels(pos[rest], middle, size=size)
        fill = zero & _is_fill(
            pos, int(zero.sum()), rest=rest, away=float(np.abs(middle).max()), size=size
        )
    found = [name for name, mask in (("NaN", ~finite), ("0 0 0", fill)) if mask.any()]
    if sentinel.any():
        first = pos[np.flatnonzero(sentinel)[0]]
        found.append(" ".join(f"{value:.9g}" for value in first))
    return Measured(finite & ~fill & ~sentinel, ", ".join(found))


def measured_pixels(grid: Floats) -> Labels:
    """Return which pixels of an organized scan were measured, with shape ``(H, W)``.

    Args:
        grid: Coordinates, with shape ``(H, W, 3)``; even a single ``0 0 0`` is unmeasured.
    """
    valid = np.asarray((grid != 0).any(axis=2))
    valid[valid] = measured(grid[valid].astype(np.float64)).mask
    return valid


def _middle(pos: Doubles) -> tuple[Doubles, float]:
    """Return the middle of the points, ``(3,)``, and the size, 0 for too few distinct values."""
    if len(pos) == 0:
        return np.zeros(3), 0.0
    middle, size = np.median(pos, axis=0), 0.0
    for axis in range(3):
        values = np.sort(pos[:, axis])
        values = values[np.append(True, values[1:] != values[:-1])]
        last = len(values) - 1
        if last + 1 >= DISTINCT:
            low, high = values[-(-last // 4)], values[3 * last // 4]
            middle[axis], size = (low + high) / 2, max(size, 2 * float(high - low))
    return middle, size


def _sentinels(pos: Doubles, middle: Doubles, *, size: float) -> Labels:
    """Return True where a point is a sentinel, with shape ``(N,)``."""
    away = np.abs(pos - middle) / size
    found = np.zeros(len(pos), np.bool_)
    far = np.flatnonzero((away > FAR_USUAL).any(axis=1))
    if not len(far):
        return found
    away, rows = away[far], pos[far]
    usual = np.isin(np.abs(rows), USUAL) | np.isin(np.abs(rows), USUAL.astype(np.float32))
    place = _copies(rows) > max(1, _most_copies(np.delete(pos, far, axis=0)))
    alone = (away > FAR_ALONE) | (usual & (away > FAR_ALONE_USUAL))
    shared = np.stack([_copies(rows[:, axis, None]) >= SHARED for axis in range(3)], axis=1)
    known = shared & (usual | (away > FAR_COORDINATE)) & (away > FAR_USUAL)
    limit = np.where(usual, FAR_USUAL, FAR_PLACE)
    found[far] = (alone | known | (place[:, None] & (away > limit))).any(axis=1)
    return found


def _is_fill(
    pos: Doubles, count: int, *, rest: npt.NDArray[np.int64], away: float, size: float
) -> bool:
    """Return whether ``count`` points at exactly 0 0 0 are unmeasured."""
    if count == 0 or len(rest) == 0 or (size > 0 and away > FAR_ORIGIN * size):
        return count > 1 or len(rest) > 0
    if count == 1:
        return False
    copies = _copies(pos[rest])
    return bool(np.median(copies) < 2 or count > copies.max())


def _copies(rows: Doubles) -> npt.NDArray[np.int64]:
    """Return the number of occurrences of each row, with shape ``(N,)``."""
    order = np.lexsort(rows.T)
    first = np.append(True, (rows[order[1:]] != rows[order[:-1]]).any(axis=1))
    number = np.cumsum(first) - 1
    copies = np.empty(len(rows), np.int64)
    copies[order] = np.bincount(number)[number]
    return copies


def _most_copies(rows: Doubles) -> int:
    return int(_copies(rows).max()) if len(rows) else 0
