"""Heights of a scan's points over the normal clouds, and what a region's heights make it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.inspection.defect import RAISED, ROUGH, SUNKEN
from gmanet.inspection.regions import Patches

__all__ = ["Heights"]

SIGMAS = 5.0
"""Least deviation that counts, in robust standard deviations over all points of the scan."""

BOTH = 0.5
"""Ratio of the deviations to both sides from which on a region is called rough."""

DEEPEST, FEWEST = 0.005, 2
"""Share and least number of a region's points over which the deepest deviation is averaged."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Heights:
    """Heights of points over the normal clouds.

    Args:
        raw: Height of each point, with shape ``(N,)``.
        smooth: Mean over the nearest points, with shape ``(N,)``.
        sigma: Robust standard deviation of the means over all points.
        raw_sigma: Robust standard deviation of the heights of all points.
    """

    raw: Floats
    smooth: Floats
    sigma: float
    raw_sigma: float

    @classmethod
    def of(cls, raw: Floats, surface: Patches) -> Heights:
        """Return the heights of points and their means."""
        smooth = surface.smoothed(raw)
        return cls(raw=raw, smooth=smooth, sigma=_sigma(smooth), raw_sigma=_sigma(raw))

    @property
    def away(self) -> float:
        """Least mean deviation that counts."""
        return SIGMAS * self.sigma

    def deepest(self, rows: Indices) -> tuple[float, str, bool]:
        """Return a region's deepest deviation, its kind, and whether it is more than noise.

        Single points decide the depth, means the kind: a defect is rough if both sides deviate.

        Args:
            rows: Indices of the region's points.
        """
        low, high = _ends(self.raw[rows])
        deepest = low if -low > high else high
        inner, outer = _ends(self.smooth[rows])
        weaker, stronger = sorted((-inner, outer))
        clear = stronger > self.away or abs(deepest) > SIGMAS * self.raw_sigma
        if not clear or weaker > max(BOTH * stronger, self.away):
            return deepest, ROUGH, clear
        return deepest, SUNKEN if deepest < 0 else RAISED, clear


def _sigma(values: Floats) -> float:
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _ends(height: Floats) -> tuple[float, float]:
    """Return the mean of the lowest and that of the highest heights."""
    count = max(FEWEST, round(DEEPEST * len(height)))
    ordered = np.sort(height.astype(np.float64))
    return float(ordered[:count].mean()), float(ordered[-count:].mean())
