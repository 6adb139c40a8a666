"""Anderson acceleration of a fixed-point iteration ``u <- G(u)`` [Anderson 1965].

The last points ``u_i`` have images ``G(u_i)`` and residuals ``G(u_i) - u_i``.  Weights with sum 1
are determined such that the weighted sum of the residuals is shortest; the next point is the sum of
the images with the same weights.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Doubles

__all__ = ["Anderson"]


class Anderson:
    """History of an iteration, and the accelerated step.

    Args:
        memory: Number of earlier steps in the history.
    """

    def __init__(self, memory: int = 5) -> None:
        self.memory = memory
        self._points: list[Doubles] = []
        self._images: list[Doubles] = []

    def reset(self) -> None:
        """Clear the history, because ``G`` changes."""
        self._points, self._images = [], []

    def next(self, point: Doubles, image: Doubles) -> Doubles:
        """Return the next point, ``(D,)``, from a point and its image ``G(point)``, ``(D,)``."""
        self._points = [*self._points[-self.memory :], point]
        self._images = [*self._images[-self.memory :], image]
        if len(self._points) == 1:
            return image
        images = np.array(self._images)
        residuals = images - np.array(self._points)
        steps, ways = np.diff(residuals, axis=0), np.diff(images, axis=0)
        share = np.linalg.lstsq(steps.T, residuals[-1], rcond=1e-10)[0]
        return np.asarray(image - share @ ways)
