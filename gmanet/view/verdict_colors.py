"""Colors of scores beside a limit: gray below it, red from it on, and of signed deviations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmanet.view.colors import SURFACE_COLOR, Bytes

__all__ = ["DEEP", "FIRST", "LAST", "deviation_colors", "limit_colors", "saturation"]

FIRST: Bytes = np.array([236, 112, 92], dtype=np.uint8)
"""Color of a score at the limit."""

LAST: Bytes = np.array([122, 8, 24], dtype=np.uint8)
"""Color of scores from the saturation on."""

DEEP: Bytes = np.array([28, 92, 170], dtype=np.uint8)
"""Color of the deepest deviation inside the part; outside it is ``LAST``."""


def saturation(limit: float) -> float:
    """Return the score with the last color: twice the limit, the same for all scans of a detector.

    Args:
        limit: Highest point score that is not that of a defect.
    """
    return limit + max(abs(limit), 1e-9)


def limit_colors(score: npt.ArrayLike, limit: float) -> Bytes:
    """Return the colors of scores, with shape ``(N, 3)``.

    Args:
        score: Finite scores, with shape ``(N,)``.
        limit: Highest score that is drawn gray.
    """
    values = np.asarray(score, dtype=np.float64)
    share = np.clip((values - limit) / (saturation(limit) - limit), 0, 1)[:, None]
    red = FIRST * (1 - share) + LAST * share
    chosen = np.where((values > limit)[:, None], np.rint(red), SURFACE_COLOR)
    return np.asarray(chosen, dtype=np.uint8)


def deviation_colors(deviation: npt.ArrayLike, largest: float) -> Bytes:
    """Return the colors of signed deviations, blue inside and red outside, ``(N, 3)``.

    Args:
        deviation: Finite heights over the normal clouds, with shape ``(N,)``.
        largest: Deviation with the last color.
    """
    share = np.clip(np.asarray(deviation, dtype=np.float64) / max(largest, 1e-12), -1, 1)[:, None]
    end = np.where(share < 0, DEEP, LAST)
    color = SURFACE_COLOR * (1 - np.abs(share)) + end * np.abs(share)
    return np.asarray(np.rint(color), dtype=np.uint8)
