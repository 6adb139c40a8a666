"""Anderson acceleration of a fixed-point iteration ``u <- G(u)`` [Anderson 1965].

The next point is the combination of the last ones whose residuals ``G(u) - u`` cancel best.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Doubles

__all__ = ["Anderson"]


class Anderson:
    """The last points of an iteration and what follows of them.

    Args:
        memory: Number of stored differences.
    """

    def __init__(self, memory: int = 5) -> None:
        self.memory = memory
        self._points: list[Doubles] = []
        self._images: list[Doubles] = []

    def reset(self) -> None:
        """Forget all points: those to come belong to another function."""
        self._points, self._images = [], []

    def next(self, point: Doubles, image: Doubles) -> Doubles:
        """Return where to go on from a point and its image ``G(point)``, both ``(D,)``."""
        self._points = [*self._points[-self.memory :], point]
        self._images = [*self._images[-self.memory :], image]
        if len(self._points) == 1:
            return image
        images = np.array(self._images)
        residuals = images - np.array(self._points)
        steps, ways = np.diff(residuals, axis=0), np.diff(images, axis=0)
        share = np.linalg.lstsq(steps.T, residuals[-1], rcond=1e-10)[0]
        return np.asarray(image - share @ ways)
