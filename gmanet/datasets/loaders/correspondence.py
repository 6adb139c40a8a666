"""Correspondence between the rows of a label file and the points of a scan, by coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from gmanet.cloud import Doubles
from gmanet.errors import InputError

__all__ = ["match_rows", "rounding"]


DECIMALS = 9
"""Largest number of decimals considered; further decimals are below the precision of float32."""
LARGEST = 3e-4
"""Largest rounding error of a label file, in diameters of the scan."""
SLACK = 1e-6
"""Difference that is always tolerated, in diameters of the scan."""


def rounding(rows: Doubles, diameter: float) -> float:
    """Return the largest difference by rounding between a label file's and a scan's coordinate.

    The tolerance is a sum of three terms: half a unit of the last decimal in the file, at most 3e-4
    of the diameter; the rounding error of float32, two units in the last place of the largest
    coordinate; and 1e-6 of the diameter.

    Args:
        rows: Coordinates of the label file, with shape ``(M, 3)``.
        diameter: Diameter of the scan, in the unit of the coordinates.
    """
    used = next((n for n in range(DECIMALS) if np.array_equal(np.round(rows, n), rows)), DECIMALS)
    half = min(0.5 * 10.0**-used, LARGEST * diameter)
    single = 2 * float(np.finfo(np.float32).eps) * float(np.abs(rows).max(initial=0))
    return half + single + SLACK * diameter


def match_rows(points: Doubles, rows: Doubles, *, tolerance: float) -> npt.NDArray[np.int64]:
    """Return the row of the label file for each point of a scan, with shape ``(N,)``.

    Rows may be in any order.  Each point gets a different row, even if points coincide.

    Args:
        points: Coordinates of the scan, with shape ``(N, 3)``.
        rows: Coordinates of the label file, with shape ``(M, 3)``, ``M`` at least ``N``.
        tolerance: Largest difference of a coordinate (:func:`rounding`).

    Raises:
        InputError: Some points have no row of their own within the tolerance; the message begins
            with the number of these points.
    """
    count = len(points)
    if len(rows) < count:
        raise InputError(f"{count - len(rows)} of {count} points have no row with coordinates")
    if len(rows) == count and np.abs(points - rows).max() <= tolerance:
        return np.arange(count)
    place = _places(rows)  # equal numbers for equal coordinates
    first = np.unique(place, return_index=True)[1]
    nearest = np.asarray(KDTree(rows[first]).query(points)[1])
    apart = np.abs(points - rows[first][nearest]).max(axis=1)
    far = np.flatnonzero(~(apart <= tolerance))
    if len(far):
        worst = far[np.argmax(apart[far])]
        raise InputError(
            f"{len(far)} of {count} points are in another place, point {worst + 1} by "
            f"{apart[worst]:.3g} where {tolerance:.2g} is rounding"
        )
    held, wanted = np.bincount(place), np.bincount(nearest, minlength=len(first))
    short = int((wanted - np.minimum(wanted, held)).sum())
    if short:
        raise InputError(f"{short} of {count} points share a row with another point")
    ordered, queue = np.argsort(place, kind="stable"), np.argsort(nearest, kind="stable")
    start, begin = (np.concatenate(([0], np.cumsum(one)[:-1])) for one in (held, wanted))
    sorted_places = nearest[queue]
    found = np.empty(count, np.int64)
    found[queue] = ordered[start[sorted_places] + np.arange(count) - begin[sorted_places]]
    return found


def _places(rows: Doubles) -> npt.NDArray[Any]:
    """Return a number for each row, the same for rows of equal coordinates, with shape ``(M,)``."""
    order = np.lexsort(rows.T)
    new = (np.diff(rows[order], axis=0) != 0).any(axis=1)
    place = np.empty(len(rows), np.int64)
    place[order] = np.concatenate(([0], np.cumsum(new)))
    return place
