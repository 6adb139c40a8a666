"""Moments: how the offsets of normal clouds are spread at each place of their common surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.detectors.gmanet.common_surface.comparison import FLOOR

__all__ = ["Moments"]

PRIOR = 2.0
"""Number of clouds that the usual variance counts as, beside those that cover a place."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Moments:
    """Number, mean and variance of the offsets at each place.

    Args:
        used: Numbers of the clouds that count, ascending.
        count: Number of these clouds that cover each place, with shape ``(M,)``.
        mean: Mean offset in extents, 0 where no cloud covers the place, with shape ``(M,)``.
        variance: Variance of one more cloud about the mean, in squared extents, with shape
            ``(M,)``; with few clouds it tends to the median over all places.
        usual: Square root of the median variance.
    """

    used: Indices
    count: Floats
    mean: Floats
    variance: Floats
    usual: np.float32

    @classmethod
    def of(cls, offset: Floats, used: Indices) -> Moments:
        """Return the moments of some clouds.

        Args:
            offset: Offsets of all clouds, with shape ``(M, n)``, NaN where unknown.
            used: Numbers of the clouds that count.
        """
        values = offset[:, used]
        known = np.isfinite(values)
        count = known.sum(axis=1).astype(np.float32)
        mean = np.where(known, values, 0).sum(axis=1) / np.maximum(count, 1)
        square = (np.where(known, values - mean[:, None], 0) ** 2).sum(axis=1)
        several = count > 1
        usual = np.median(square[several] / (count[several] - 1)) if several.any() else 0.0
        freedom = np.maximum(count - 1, 0) + PRIOR
        variance = (square + PRIOR * usual) / freedom * (1 + 1 / np.maximum(count, 1))
        variance = (variance + FLOOR**2).astype(np.float32)
        return cls(
            used=used,
            count=count,
            mean=mean.astype(np.float32),
            variance=variance,
            usual=np.float32(np.sqrt(np.median(variance))),
        )
