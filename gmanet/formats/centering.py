"""Centering of a file's coordinates, so that float32 represents them precisely enough.

A float32 has 24 bits: a part of one meter in map coordinates (5,400,000 m) would be rounded to a
grid of half a meter.  The distance of the center of the cloud's box from the file's origin decides:

- up to 15 sizes of the box, coordinates are unchanged and the cloud's origin is ``(0, 0, 0)``;
  rounding to float32 is below 1e-6 of the size;
- up to 1000 sizes, they are unchanged if the file holds float32 numbers, binary or as nine digits,
  since rounding then loses nothing;
- otherwise the center, rounded to a multiple of a power of ten above the size, becomes the cloud's
  origin and is subtracted in double precision.  Scans of a part in one position mostly get the
  same origin.

The box excludes one percent of the points on each side, so that outliers do not move the center.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Floats

__all__ = ["centered"]

REACH = 15.0
"""Largest distance of an uncentered cloud from the file's origin, in sizes of the cloud."""
REACH_SINGLE, DIGITS = 1000.0, 1e-8
"""The same distance for coordinates that are float32 numbers, up to this relative difference."""
TRIM = 1.0
"""Percentage of the points outside of the box, on each side of each axis."""


def centered(pos: npt.NDArray[np.float64]) -> tuple[Floats, tuple[float, float, float]]:
    """Return ``pos`` and ``origin`` of a cloud; their sum is the file's coordinates.

    Args:
        pos: The file's coordinates in double precision, with shape ``(N, 3)``.
    """
    finite = pos[np.isfinite(pos).all(axis=1)]
    origin = _origin(finite) if len(finite) else (0.0, 0.0, 0.0)
    # A value beyond float32 becomes infinite; the check refuses infinite values.
    with np.errstate(over="ignore", invalid="ignore"):
        rest = pos - origin if any(origin) else pos
        return np.ascontiguousarray(rest, np.float32), origin


def _origin(pos: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the origin to subtract, zeros if the center of the finite points is near zero."""
    low, high = np.percentile(pos, (TRIM, 100 - TRIM), axis=0)
    with np.errstate(over="ignore"):
        center, size = low / 2 + high / 2, float((high - low).max())
    reach = REACH_SINGLE if _is_single(pos) else REACH
    if not 0 < size < np.inf or np.abs(center).max() <= reach * size:
        return (0.0, 0.0, 0.0)
    digits = -math.ceil(math.log10(size))
    x, y, z = (round(float(value), digits) + 0.0 for value in center)
    return (x, y, z)


def _is_single(pos: npt.NDArray[np.float64]) -> bool:
    """Return whether float32 holds all coordinates as exactly as the file does."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounding = np.abs(pos.astype(np.float32) - pos)
    return bool((rounding <= DIGITS * np.abs(pos)).all())
