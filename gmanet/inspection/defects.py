"""Defects of a scan as a list: place, area, length, depth and kind of each region above the limit.

A region is a set of connected points of which at least one scores above the point limit: the
highest score that at most the promised share of good parts has anywhere.  Where the scan lies on
the normal clouds, connected points that deviate from them belong to the region as well, and its
area is that of the points that deviate by a part of the deepest deviation; elsewhere it is that of
the points above the limit, which are more than the defect since scores are averaged over
neighborhoods.  The constants were chosen on parts with defects of known depth
(``experiments/defect_list.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Cloud, Doubles, Floats, Indices, Labels
from gmanet.geometry.se3 import moved
from gmanet.inspection.defect import DIFFERENT, Defect
from gmanet.inspection.heights import Heights
from gmanet.inspection.regions import Patches, connected, patches

__all__ = ["Defects", "find_defects"]

SMALLEST = 3
"""Least number of points of a region that is not the only one."""

LARGEST = 20
"""Largest number of defects in a list, those with the highest scores."""

EDGE, CLEAR = 0.15, 1.5
"""Least deviation of the points that the area counts: in the deepest of their region, and in robust
standard deviations."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Defects:
    """All defects of a scan, those with the highest scores first.

    Args:
        found: The defects.
        region: Number of the defect that each point belongs to, from 1; 0 for other points,
            ``(N,)``.
        deviation: Height of each point over the normal clouds, smoothed over the nearest eight,
            ``(N,)``; None if unknown.
    """

    found: tuple[Defect, ...]
    region: Indices
    deviation: Floats | None


def find_defects(
    cloud: Cloud,
    scores: Floats,
    *,
    limit: float,
    deviation: Floats | None = None,
    pose: Doubles | None = None,
) -> Defects:
    """Return the defects of a scan that is not good.

    If no point lies above the limit, the points in the upper half between the median and the
    highest score count, so that the list is not empty.

    Args:
        cloud: The scan.
        scores: Score of each point, with shape ``(N,)``.
        limit: Highest point score that is not that of a defect.
        deviation: Height of each point over the normal clouds, with shape ``(N,)``; None if there
            is no alignment.
        pose: Rigid motion to the coordinates of the part, with shape ``(4, 4)``; None if unknown.
    """
    surface = patches(cloud.pos)
    limit = min(limit, float(np.median(scores) + scores.max()) / 2)
    above = scores > limit
    heights = None if deviation is None else Heights.of(deviation, surface)
    chosen = above if heights is None else above | (np.abs(heights.smooth) > heights.away)
    region = connected(cloud.pos, chosen, reach=surface.reach)
    numbers = _ranked(region, scores, above=above)
    made: list[Defect] = []
    numbered = np.zeros(len(cloud), dtype=np.int64)
    for number in numbers:
        rows = np.flatnonzero(region == number)
        numbered[rows] = len(made) + 1
        made.append(
            _measured(
                cloud,
                rows,
                scores=scores,
                above=above,
                heights=heights,
                surface=surface,
                pose=pose,
            )
        )
    smooth = None if heights is None else heights.smooth
    return Defects(found=tuple(made), region=numbered, deviation=smooth)


def _ranked(region: Indices, scores: Floats, *, above: Labels) -> Sequence[int]:
    """Return the numbers of regions with a point above the limit, the highest score first."""
    count = int(region.max(initial=-1)) + 1
    inside = region >= 0
    seeds = np.bincount(region[above], minlength=count)
    size = np.bincount(region[inside], minlength=count)
    peak = np.full(count, -np.inf)
    np.maximum.at(peak, region[inside], scores[inside])
    order = np.argsort(-np.where(seeds > 0, peak, -np.inf), kind="stable")
    kept = [int(number) for number in order if seeds[number] and size[number] >= SMALLEST]
    return (kept or [int(number) for number in order[:1] if seeds[number]])[:LARGEST]


def _measured(
    cloud: Cloud,
    rows: Indices,
    *,
    scores: Floats,
    above: Labels,
    heights: Heights | None,
    surface: Patches,
    pose: Doubles | None,
) -> Defect:
    """Return the measures of one region."""
    worst = rows[int(np.argmax(scores[rows]))]
    counted, depth, kind = rows[above[rows]], math.nan, DIFFERENT
    if heights is not None:
        depth, kind, clear = heights.deepest(rows)
        edge = max(CLEAR * heights.sigma, EDGE * abs(depth))
        deviating = rows[np.abs(heights.smooth[rows]) >= edge]
        if clear and len(deviating):
            counted = deviating
    area = float(surface.area[counted].sum())
    x, y, z = cloud.pos[worst].astype(np.float64) + np.asarray(cloud.origin)
    return Defect(
        place=(float(x), float(y), float(z)),
        part_place=None if pose is None else _placed(cloud.pos[worst], pose),
        kind=kind,
        depth=depth,
        area=area,
        share=area / float(surface.area.sum()),
        length=_length(cloud.pos[counted]),
        score=float(scores[worst]),
        points=len(counted),
    )


def _length(pos: Floats) -> float:
    """Return the extent of points along their longest axis."""
    if len(pos) < 2:
        return 0.0
    centered = pos.astype(np.float64) - pos.mean(axis=0, dtype=np.float64)
    axis = np.linalg.eigh(centered.T @ centered)[1][:, 2]
    return float(np.ptp(centered @ axis))


def _placed(pos: Floats, pose: Doubles) -> tuple[float, float, float]:
    x, y, z = moved(pose, pos[None].astype(np.float64))[0]
    return float(x), float(y), float(z)
