"""What a scanner can do: its systematic errors, estimated from pairs of views.

The noise is what scatters within a view.  Views of a real scanner also differ from each other by
more: by its calibration, by grazing angles, by what the surface reflects.  These errors are
alike in most pairs of neighboring views and spread over the surface.  So they are told from wrong
registrations, which concern some pairs, or show in a few places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gmanet.turntable.consistency import APART, Consistency
from gmanet.turntable.view import View

__all__ = ["Scanner"]

FEWEST = 4
"""Least number of views whose pairs show systematic errors: of fewer, one wrong view spoils most
pairs."""

SHARE = 0.25
"""Quantile of the pairs that is taken as usual: up to half of the views may be wrong."""

COARSEST = 0.5
"""Largest systematic error, in spacings of the points: beyond it the views are no scans of one
surface, or not registered."""

TIMES = 3.0
"""Largest distance of two views' surfaces, in standard deviations of the scanner's errors."""


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """Errors of a scanner, in the unit of the views.

    Args:
        noise: Standard deviation of points about the surface within a view, median of the views.
        systematic: Standard deviation of further differences between two views; 0 if it is not
            larger than the noise.
    """

    noise: float
    systematic: float = 0.0

    @classmethod
    def of(cls, views: Sequence[View], links: Sequence[Consistency]) -> Scanner:
        """Return the errors that registered pairs of neighboring views show.

        Args:
            views: The views.
            links: Consistency of each view with the next, each pair registered alone.
        """
        noise = float(np.median([view.noise for view in views]))
        spacing = float(np.median([view.spacing for view in views]))
        if len(views) < FEWEST:
            return cls(noise=noise)
        found = float(np.quantile([link.usual for link in links], SHARE))
        if not noise < found <= COARSEST * spacing:
            return cls(noise=noise)
        return cls(noise=noise, systematic=found)

    @property
    def error(self) -> float:
        """Standard deviation of the height of a view's point above another view's surface."""
        return math.hypot(self.noise, self.systematic)

    @property
    def apart(self) -> float:
        """Largest distance of two views' surfaces, root mean square, if they agree."""
        return TIMES * self.error if self.systematic else APART * self.noise

    def seen_by(self, views: Sequence[View]) -> list[View]:
        """Return the views with the errors of the scanner in the place of their noise."""
        if not self.systematic:
            return list(views)
        return [replace(view, noise=math.hypot(view.noise, self.systematic)) for view in views]
