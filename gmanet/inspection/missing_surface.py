"""Missing surface in the list of defects: gaps that the verdict found, beside the regions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gmanet.cloud import Cloud, Doubles
from gmanet.geometry.se3 import moved
from gmanet.inspection.defect import Defect
from gmanet.inspection.defects import Defects
from gmanet.verdict.gaps import Gap

__all__ = ["with_gaps"]

NEAR = 1.5
"""Largest distance of a region's worst point from the middle of a gap that it is the border of, in
the radius of a circle of the same area."""


def with_gaps(
    defects: Defects, gaps: Sequence[Gap], *, cloud: Cloud, pose: Doubles | None
) -> Defects:
    """Return the list with the gaps in it.

    A region at the border of a gap becomes the gap: it keeps the number and the points.  Other gaps
    follow the regions.

    Args:
        defects: The defects that points show.
        gaps: Surface that the normal scans have and the scan lacks.
        cloud: The scan.
        pose: Rigid motion to the coordinates of the part, with shape ``(4, 4)``; None if unknown.
    """
    made = list(defects.found)
    for gap in gaps:
        place = np.add(gap.place, cloud.origin)
        radius = NEAR * math.sqrt(gap.area / math.pi)
        border = [
            number
            for number, one in enumerate(made)
            if one.kind != gap.kind and math.dist(one.place, place) <= radius
        ]
        found = _defect(gap, place=place, pose=pose, local=np.asarray(gap.place))
        if border:
            score, points = made[border[0]].score, made[border[0]].points
            made[border[0]] = replace(found, score=score, points=points)
        else:
            made.append(found)
    return replace(defects, found=tuple(made))


def _defect(gap: Gap, *, place: Doubles, pose: Doubles | None, local: Doubles) -> Defect:
    x, y, z = (float(value) for value in place)
    part = None
    if pose is not None:
        px, py, pz = (float(value) for value in moved(pose, local[None].astype(np.float64))[0])
        part = (px, py, pz)
    return Defect(
        place=(x, y, z),
        part_place=part,
        kind=gap.kind,
        area=gap.area,
        share=gap.share,
        length=2 * math.sqrt(gap.area / math.pi),
    )
