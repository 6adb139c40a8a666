"""The verdict on a scan: good, defective, or not judged, with a reason and a p-value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gmanet.cloud import Cloud, Doubles
from gmanet.synthesis.twins import Clouds
from gmanet.verdict.calibration import Calibration
from gmanet.verdict.check import DEFECTIVE, GOOD, NOT_JUDGED, Check
from gmanet.verdict.gate import Gate

__all__ = ["DEFECTIVE", "GOOD", "NOT_JUDGED", "NO_LIMIT", "ONE_NORMAL", "Judge", "Judgment"]

NO_LIMIT = "the detector was stored without a limit: fit it anew"
"""Reason of no verdict for a detector of an older version, or of an unfinished fit."""

ONE_NORMAL = "one normal scan does not show how good parts differ: fit on more of them"
"""Reason of no verdict for a detector that was fitted on a single cloud."""


@dataclass(frozen=True, kw_only=True)
class Judgment:
    """The verdict on a scan.

    Args:
        verdict: ``good``, ``defective`` or ``not judged``.
        reason: One sentence.
        p_value: Share of good parts that score as high; NaN if the scan is not judged.
        checks: Checks of the scan, the gate's.
    """

    verdict: str
    reason: str
    p_value: float = float("nan")
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Judge:
    """What a fitted detector needs to make a verdict of a score.

    Args:
        calibration: Scores of the normal clouds; None for a fit on a single cloud.
        gate: Ranges of the train scans.
    """

    calibration: Calibration | None
    gate: Gate

    def __call__(self, cloud: Cloud, score: float) -> Judgment:
        """Return the verdict on a scan.

        Args:
            cloud: The scan.
            score: Its object score.
        """
        checks = self.gate(cloud)
        failed = [check.sentence for check in checks if not check.passed]
        if failed or self.calibration is None:
            reason = failed[0] if failed else ONE_NORMAL
            return Judgment(verdict=NOT_JUDGED, reason=reason, checks=checks)
        p_value, limit = self.calibration.p_value(score), self.calibration.limit
        defective = self.calibration.defective(score)
        side = "above" if defective else "not above"
        return Judgment(
            verdict=DEFECTIVE if defective else GOOD,
            reason=f"the score {score:.4g} is {side} the limit {limit:.4g}",
            p_value=p_value,
            checks=checks,
        )

    def sentence(self) -> str:
        """Return what the limit promises, for people."""
        return (
            f"no limit: {ONE_NORMAL}" if self.calibration is None else self.calibration.sentence()
        )

    @classmethod
    def of(cls, clouds: Clouds | Sequence[Cloud], scores: Doubles, *, false_alarms: float) -> Judge:
        """Return the judge of a fit.

        Args:
            clouds: The normal clouds.
            scores: Scores of each of them as if it was not learned from, with shape ``(n, m)``.
            false_alarms: Wanted false-alarm rate.
        """
        made = None
        if len(clouds) > 1:
            made = Calibration(scores=scores, false_alarms=false_alarms)
        return cls(calibration=made, gate=Gate.of(clouds))

    def state(self) -> dict[str, Any]:
        """Return the judge as plain values and tensors."""
        return {
            "calibration": None if self.calibration is None else self.calibration.state(),
            "gate": self.gate.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Judge:
        """Return the judge that :meth:`state` described."""
        stored = state["calibration"]
        return cls(
            calibration=None if stored is None else Calibration.from_state(stored),
            gate=Gate.from_state(state["gate"]),
        )
