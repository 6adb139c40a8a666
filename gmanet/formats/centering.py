"""Centering: coordinates of a file, read as doubles, become float32 without losing the part.

A float32 has 24 bits.  A part of one metre in map coordinates (5,400,000 m) would keep a grid of
half a metre.  The rule: coordinates stay as the file has them, with the origin ``(0, 0, 0)``, while
the center of the cloud's box is within 15 times the box's size of the file's origin; float32 then
errs by less than 1e-6 of the size.  Within 1000 times they also stay if the file holds float32
numbers, binary or as nine digits: nothing more is lost.  Otherwise that center, rounded to a power
of ten above the size, is the cloud's origin, and ``pos`` is what remains after it was subtracted in
double precision.  Scans of one part from one place so have the same origin, mostly.

The box leaves out the outermost percent of the points on each side: outliers do not move it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Floats

__all__ = ["centered"]

REACH = 15.0
"""Sizes between the file's origin and the center of a cloud that keeps its coordinates."""
REACH_SINGLE, DIGITS = 1000.0, 1e-8
"""The same of a cloud whose coordinates are float32 numbers but for this fraction."""
TRIM = 1.0
"""Percent of the points that the box leaves out, on each side."""


def centered(pos: npt.NDArray[np.float64]) -> tuple[Floats, tuple[float, float, float]]:
    """Return ``pos`` and ``origin`` of a cloud; their sum is the file's coordinates.

    Args:
        pos: The file's coordinates in double precision, with shape ``(N, 3)``.
    """
    finite = pos[np.isfinite(pos).all(axis=1)]
    origin = _origin(finite) if len(finite) else (0.0, 0.0, 0.0)
    # A value beyond float32 becomes infinite, and is refused as such.
    with np.errstate(over="ignore", invalid="ignore"):
        rest = pos - origin if any(origin) else pos
        return np.ascontiguousarray(rest, np.float32), origin


def _origin(pos: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Return where the center of finite points is; zeros if it is near enough to zero."""
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
