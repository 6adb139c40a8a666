r"""Two statistics of a scan as one score: the more surprising of the two counts.

For either statistic, let :math:`m` be the median over the normal scans and :math:`e` the mean
excess of those above it.  With an exponential tail, :math:`t(x) = (x - m) / e` is minus the
logarithm of the probability of a higher value, up to a constant.  The joint score is

.. math:: s' = m_s + e_s \max(t_s(s), t_x(x) - \delta),

in the unit of the first statistic.  Where the second one is ordinary, which :math:`\delta` sees to,
:math:`s' = s`.  The limit of the joint score is calibrated on the joint scores of the normal scans,
so that the promised false-alarm rate does not depend on the tails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Doubles

__all__ = ["Tails"]

LEAST = 0.15
"""Least mean excess of the second statistic, in its median: differences below that, as between two
settings of a scanner, are no surprise."""

HANDICAP = 1.0
"""Surprise that the second statistic must have beyond the first."""


@dataclass(frozen=True, kw_only=True)
class Tails:
    """Medians and mean excesses of two statistics over the normal scans.

    Args:
        score_median: Median of the first statistic.
        score_excess: Mean excess of the first statistic above the median.
        other_median: Median of the second statistic.
        other_excess: Mean excess of the second statistic above the median.
    """

    score_median: float
    score_excess: float
    other_median: float
    other_excess: float

    @classmethod
    def of(cls, score: Doubles, other: Doubles) -> Tails:
        """Return the tails of two statistics.

        Args:
            score: First statistic of each normal scan, with shape ``(n,)``.
            other: Second statistic of each normal scan, with shape ``(n,)``; values that are not
                finite do not count.
        """
        first, excess = _tail(score)
        second, rest = _tail(other[np.isfinite(other)])
        return cls(
            score_median=first,
            score_excess=excess,
            other_median=second,
            other_excess=max(rest, LEAST * abs(second)),
        )

    def joint(self, score: npt.ArrayLike, other: npt.ArrayLike) -> Doubles:
        """Return joint scores.

        Args:
            score: The first statistic.
            other: The second statistic, minus infinity where it is unknown; the same shape.
        """
        surprise = (np.asarray(other) - self.other_median) / self.other_excess - HANDICAP
        return np.maximum(score, self.score_median + self.score_excess * surprise)

    def state(self) -> dict[str, float]:
        """Return the tails as plain values."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, float]) -> Tails:
        """Return the tails that :meth:`state` described."""
        return cls(**{name: float(value) for name, value in state.items()})


def _tail(values: Doubles) -> tuple[float, float]:
    """Return the median and the mean excess above it, which is positive."""
    median = float(np.median(values))
    above = values[values > median]
    excess = float((above - median).mean()) if len(above) else 0.0
    return median, max(excess, 1e-6 * max(abs(median), 1e-6))
