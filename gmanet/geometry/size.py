"""Sizes of a cloud: four lengths that differ, each with a name of its own.

Only :func:`diameter` is called so, and what is said to be a fraction of the diameter is one of it.
All sizes are in the unit of the coordinates.  A washer whose diameter is 34.5 mm has an extent of
24.4 mm.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud, Floats

__all__ = ["diameter", "extent", "frame_diagonal", "robust_size"]

WITHIN = 0.995
"""Share of the points that an extent holds."""

INNER = 0.9
"""Share of the points that the robust size is measured on: the others may fly about."""


def diameter(pos: Floats) -> float:
    """Return ``Cloud.diameter`` of points: the diagonal of the box along their principal axes.

    It follows every point, and a rigid motion does not change it but for rounding where the
    principal axes are distinct.  A part as wide as high has no such axes but those of its sampling;
    :func:`extent` needs none.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    return Cloud(pos).diameter


def extent(pos: Floats) -> float:
    """Return twice the distance from the centroid within which 99.5 % of the points lie.

    It needs no axes, and a rigid motion does not change it but for rounding.  It is at most twice
    the diameter, and .70 to .99 of the diameter of the fifteen procedural parts.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    centered = pos - pos.mean(axis=0, dtype=np.float64)
    return float(2 * np.quantile(np.linalg.norm(centered, axis=1), WITHIN))


def robust_size(pos: Floats) -> float:
    """Return twice the distance from the median point within which 90 % of the points lie.

    It hardly depends on the pose nor on up to a tenth of the points far away.  It is .64 to .91 of
    the diameter of the fifteen procedural parts.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    distance = np.linalg.norm(pos - np.median(pos, axis=0), axis=1)
    return 2 * float(np.quantile(distance, INNER))


def frame_diagonal(pos: npt.NDArray[np.float64]) -> float:
    """Return the diagonal of the box along the coordinate axes, those in which a part was drawn.

    It changes with the pose: only parts that are made in a pose of their own are measured by it.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    return float(np.linalg.norm(np.ptp(pos, axis=0)))
