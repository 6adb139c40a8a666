"""Comparison of points with places on the normal clouds' common surface: the compiled loop."""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.geometry.jit import compiled

__all__ = ["FAR", "FLOOR", "KINDS", "compare"]

KINDS = 5
"""Number of values: signed distance from the mean surface in standard deviations, standard
deviation, share of the normal clouds that cover the place, distance from the mean surface, and
distance from the surface of the nearest normal cloud."""

FAR = 0.05
"""Largest distance of a point from places that it is compared with, in extents."""

FLOOR = 2e-4
"""Least standard deviation, and the distance that is added before a logarithm, in extents; it is
below the noise of a scanner."""


@compiled
def compare(
    points: Floats,
    normal: Floats,
    reach: Floats,
    near: Indices,
    place: Floats,
    direction: Floats,
    offset: Floats,
    used: Indices,
    count: Floats,
    mean: Floats,
    variance: Floats,
    usual: float,
    shift: Floats,
    made: Floats,
    first: int,
    last: int,
) -> None:
    """Fill in the values of some rows.

    Args:
        points: Aligned coordinates in extents, with shape ``(Q, 3)``.
        normal: Aligned unit normals of either sign, with shape ``(Q, 3)``.
        reach: Distances of the nearest places, with shape ``(Q, K)``.
        near: Indices of these places, with shape ``(Q, K)``.
        place: Coordinates of the places, with shape ``(M, 3)``.
        direction: Normals of the places, with shape ``(M, 3)``.
        offset: Offsets of the normal clouds, with shape ``(M, n)``.
        used: Numbers of the clouds that count.
        count: Number of clouds at each place, with shape ``(M,)``.
        mean: Mean offset, with shape ``(M,)``.
        variance: Variance of the offsets, with shape ``(M,)``.
        usual: Standard deviation where nothing is compared.
        shift: Height at each place that is subtracted, with shape ``(M,)``.
        made: The values, with shape ``(Q, KINDS)``.
        first: First row.
        last: Row after the last one.
    """
    weight = np.empty(near.shape[1], np.float32)
    height = np.empty(near.shape[1], np.float32)
    for row in range(first, last):
        at = near[row]
        for i in range(len(at)):
            facing, height[i] = _height(points[row], normal[row], place[at[i]], direction[at[i]])
            height[i] -= shift[at[i]]
            weight[i] = (0.05 + facing * facing) / (reach[row, i] ** 2 + 1e-6)
            if count[at[i]] == 0 or reach[row, i] >= FAR:
                weight[i] = 0.0
        total = weight.sum()
        made[row, 0] = made[row, 2] = 0.0
        made[row, 1] = np.log(usual)
        made[row, 3] = made[row, 4] = np.log(usual + FLOOR)
        if total > 0:
            weight /= total
            distance = (weight * (height - mean[at])).sum()
            spread = np.sqrt((weight * variance[at]).sum())
            made[row, 0] = np.arcsinh(distance / spread)
            made[row, 1] = np.log(spread)
            made[row, 2] = (weight * count[at]).sum() / len(used)
            made[row, 3] = np.log(abs(distance) + FLOOR)
            made[row, 4] = np.log(_least(height, weight, offset, at, used) + FLOOR)


@compiled
def _height(point: Floats, normal: Floats, place: Floats, direction: Floats) -> tuple[float, float]:
    """Return the cosine of two normals, and a point's height over a place along their mean.

    Along the mean normal, the height of a point on a sphere over another one is 0, at any distance.
    """
    facing, height, along = 0.0, 0.0, 0.0
    for axis in range(3):
        step = point[axis] - place[axis]
        facing += normal[axis] * direction[axis]
        height += step * direction[axis]
        along += step * normal[axis]
    return facing, (height + along) / 2 if facing >= 0 else (height - along) / 2


@compiled
def _least(height: Floats, weight: Floats, offset: Floats, at: Indices, used: Indices) -> float:
    """Return the distance from the surface of the nearest cloud, ``FAR`` at most."""
    least = FAR
    for cloud in used:
        total, sum_ = 0.0, 0.0
        for i in range(len(at)):
            value = offset[at[i], cloud]
            if np.isfinite(value):
                total += weight[i]
                sum_ += weight[i] * (height[i] - value)
        if total > 0:
            least = min(least, abs(sum_) / total)
    return least
