r"""The limit of a detector and p-values of scores, by conformal prediction.

Let :math:`s_1, \dots, s_n` be the scores of normal clouds that the detector did not learn from, and
:math:`s` that of a new scan.  If the new part is good, the :math:`n + 1` scores are exchangeable,
whatever their distribution, and the p-value

.. math:: p(s) = \frac{1 + \#\{i : s_i \ge s\}}{n + 1}

is at most :math:`\alpha` with a probability of at most :math:`\alpha` [Vovk, Gammerman and Shafer
2005].  A part is called defective where :math:`p(s) \le \alpha`, which is the same as :math:`s`
above the limit, the :math:`\lceil (n + 1) (1 - \alpha) \rceil`-th smallest of the scores.  With
:math:`n < 1 / \alpha - 1` there is no such score: the smallest rate that :math:`n` normal clouds
can promise is :math:`1 / (n + 1)`, and the limit is then their highest score.

With :math:`m` scores of each normal cloud (those of its rescans), a cloud counts by the share of
its scores that are as high, :math:`\frac{1}{m} \#\{j : s_{ij} \ge s\}`, so that clouds, not
scans, are exchangeable [Lee, Barber and Willett 2023, hierarchical conformal prediction].

The promise is one in the mean over sets of normal clouds.  For one given set the share of false
alarms varies: with single scores it has the distribution Beta(n + 1 - k, k), k the rank of the
limit, so that one limit in 25 from 20 clouds has three times the promised rate.  The limit is
therefore never below the one-sided tolerance limit :math:`\bar s + k \sigma` [ISO 16269-6], which
holds back at most the share :math:`\alpha` of good parts with a stated confidence where scores are
normally distributed; :math:`k \sqrt n` is a quantile of the noncentral t-distribution.  The p-value
is then the larger of the two.  Whatever the distribution, the first promise stays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import nctdtrinc, nctdtrit, ndtr, ndtri

__all__ = ["Calibration"]

ROUNDING = 1e-9
"""Largest rounding error of a count of clouds, such as (n + 1) * .95."""

FEWEST = 4
"""Least number of normal clouds of which one may be called unlike the others."""

FARTHEST = (-10.0, 100.0)
"""Standard deviations from the mean beyond which p-values of the tolerance limit do not change;
SciPy does not find noncentralities far beyond."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """Scores of normal clouds that were not learned from, and the rate that is promised.

    Args:
        scores: Scores of each normal cloud, with shape ``(n,)``, or of its rescans, ``(n, m)``.
        false_alarms: Wanted false-alarm rate, between 0 and 1.
        confidence: Confidence of the tolerance limit; 0 for the conformal limit alone.
    """

    scores: npt.NDArray[np.float64]
    false_alarms: float = 0.05
    confidence: float = 0.0

    def __post_init__(self) -> None:
        rows = np.asarray(self.scores, dtype=np.float64)
        object.__setattr__(self, "scores", rows.reshape(len(rows), -1))

    @property
    def normals(self) -> int:
        """Number of normal clouds."""
        return len(self.scores)

    @property
    def promised(self) -> float:
        """Promised false-alarm rate: the wanted one, or the smallest that is possible."""
        return max(self.false_alarms, 1 / (self.normals + 1))

    @property
    def limit(self) -> float:
        """Highest score that is not called defective."""
        return max(self._conformal_limit(), self._tolerance_limit())

    def _conformal_limit(self) -> float:
        values = np.sort(self.scores, axis=None)
        wanted = (self.normals + 1) * (1 - self.promised) * self.scores.shape[1]
        rank = max(1, math.ceil(wanted - ROUNDING * len(values)))
        return float(values[min(rank, len(values)) - 1])

    def p_value(self, score: float) -> float:
        """Return the share of good parts that score as high, at most 1 and at least 1 / (n + 1).

        Args:
            score: Object score of a scan.
        """
        as_high = (self.scores >= score).mean(axis=1).sum()
        return max(float((1 + as_high) / (self.normals + 1)), self._tolerance_p_value(score))

    def _tolerance_limit(self) -> float:
        """Return ``mean + k * deviation``; ``-inf`` without a confidence."""
        if not self._has_tolerance:
            return -math.inf
        root = math.sqrt(self.normals)
        k = nctdtrit(self.normals - 1, root * -ndtri(self.promised), self.confidence) / root
        return float(self.scores.mean() + k * self.scores.std(ddof=1))

    def _tolerance_p_value(self, score: float) -> float:
        """Return the share for which ``score`` is the tolerance limit; 0 without a confidence."""
        if not self._has_tolerance:
            return 0.0
        root = math.sqrt(self.normals)
        k = np.clip((score - self.scores.mean()) / self.scores.std(ddof=1), *FARTHEST)
        return float(ndtr(-nctdtrinc(self.normals - 1, self.confidence, k * root) / root))

    @property
    def _has_tolerance(self) -> bool:
        return self.confidence > 0 and self.normals > 1 and bool(np.ptp(self.scores) > 0)

    def defective(self, score: float) -> bool:
        """Return whether a score is above the limit."""
        return score > self.limit

    def without_highest(self) -> tuple[int, float] | None:
        """Return the cloud that the limit rests on alone, and the limit without it; None if none.

        That is the cloud with the highest score, if the limit is more than twice as far above the
        median of the scores as without this cloud.
        """
        own = self.scores.max(axis=1)
        if self.normals < FEWEST:
            return None
        highest = int(own.argmax())
        limit = replace(self, scores=np.delete(self.scores, highest, axis=0)).limit
        alone = self.limit - limit > limit - float(np.median(own))
        return (highest, limit) if alone else None

    def sentence(self) -> str:
        """Return what the limit promises, for people."""
        rate = f"at most {100 * self.promised:.3g} % of good parts are called defective"
        scans = "scan" if self.normals == 1 else "scans"
        said = f"limit {self.limit:.4g}: {rate}, from {self.normals} normal {scans}"
        if self.promised > self.false_alarms:
            wanted = math.ceil(1 / self.false_alarms - 1 - ROUNDING)
            said += f" ({100 * self.false_alarms:.3g} % would take {wanted})"
        return said

    def state(self) -> dict[str, Any]:
        """Return the calibration as plain values."""
        return {
            "scores": self.scores.tolist(),
            "false_alarms": self.false_alarms,
            "confidence": self.confidence,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Calibration:
        """Return the calibration that :meth:`state` described."""
        return cls(
            scores=np.asarray(state["scores"], dtype=np.float64),
            false_alarms=float(state["false_alarms"]),
            confidence=float(state.get("confidence", 0.0)),  # none in older versions
        )
