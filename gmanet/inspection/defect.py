"""One defect of a scan as plain values, and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["DIFFERENT", "RAISED", "ROUGH", "SUNKEN", "Defect"]

RAISED, SUNKEN, ROUGH, DIFFERENT = "raised", "sunken", "rough", "different"
"""Kinds of defects; ``different`` is said where nothing is known of the deviation."""


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One defect; lengths are in the unit of the scan.

    Args:
        place: The point with the highest score, in the coordinates of the file.
        part_place: The same in the coordinates of the first train scan about its centroid; None if
            the scan was not registered.
        kind: ``raised``, ``sunken``, ``rough``, ``different``, or that of a gap
            (``gmanet.verdict.gaps``): ``missing`` or ``not scanned``.
        depth: Deepest deviation from the normal clouds, negative inside the part; NaN if unknown.
        area: Area.
        share: Area as a share of the scanned surface.
        length: Largest distance between two points along the longest axis.
        score: Highest point score.
        points: Number of points.
    """

    place: tuple[float, float, float]
    part_place: tuple[float, float, float] | None = None
    kind: str = DIFFERENT
    depth: float = math.nan
    area: float = 0.0
    share: float = 0.0
    length: float = 0.0
    score: float = math.nan
    points: int = 0

    def sentence(self, unit: str = "") -> str:
        """Return the defect in words.

        Args:
            unit: Unit of the scan; empty if unknown.
        """
        space = f" {unit}" if unit else ""
        depth = "" if math.isnan(self.depth) else f" by {abs(self.depth):.3g}{space}"
        place = ", ".join(f"{value:.6g}" for value in self.place)
        return (
            f"{self.kind}{depth}, {self.length:.3g}{space} long, area {self.area:.3g}"
            f"{f'{space}²' if unit else ''} ({100 * self.share:.2g} % of the surface), at ({place})"
        )
