"""The verdict on a scan: good, defective, or not judged, with a reason and a p-value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gmanet.cloud import Cloud, Doubles, Floats
from gmanet.synthesis.twins import Clouds
from gmanet.verdict.calibration import Calibration
from gmanet.verdict.check import DEFECTIVE, GOOD, NOT_JUDGED, Check
from gmanet.verdict.gaps import MISSING, Found, Gap
from gmanet.verdict.gate import CLOUDS, SETTINGS, Gate
from gmanet.verdict.measures import Scan, measure_scan
from gmanet.verdict.missing import Missing
from gmanet.verdict.reference import common_reference
from gmanet.verdict.regions import Regions
from gmanet.verdict.tails import Tails

__all__ = [
    *("DEFECTIVE", "GOOD", "NOT_JUDGED", "NO_LIMIT", "ONE_NORMAL"),
    *("Judge", "Judgment", "raised"),
]

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
        score: Object score, raised where surface is missing.
        missing: Gaps of the scan, the largest first.
        limit: Highest score that is not called defective; NaN if there is none.
    """

    verdict: str
    reason: str
    p_value: float = float("nan")
    checks: tuple[Check, ...] = ()
    score: float = float("nan")
    missing: tuple[Gap, ...] = ()
    limit: float = float("nan")


@dataclass(frozen=True, kw_only=True, eq=False)
class Judge:
    """What a fitted detector needs to make a verdict of a score.

    Args:
        calibration: Scores of the normal clouds; None for a fit on a single cloud.
        gate: Ranges of the train scans.
        missing: Search for missing surface; None where none is searched.
        tails: Object score and emptiness of the normal scans as one score; None with ``missing``.
        points: Highest point score of each normal cloud; their limit is that of a point.  None in
            files of older versions, and for a fit on a single cloud.
        settings: Setting (``Gate.setting``) -> scores of rescans of the normal clouds with it;
            empty where the detector did not learn from rescans.
    """

    calibration: Calibration | None
    gate: Gate
    missing: Missing | None = None
    tails: Tails | None = None
    points: Calibration | None = None
    settings: Mapping[str, Calibration] = field(default_factory=dict)

    def __call__(self, cloud: Cloud, score: float) -> Judgment:
        """Return the verdict on a scan.

        Args:
            cloud: The scan.
            score: Its object score.
        """
        return self.judge(cloud, score)[0]

    def judge(self, cloud: Cloud, score: float) -> tuple[Judgment, Found]:
        """Return the verdict on a scan, and what was found in the search for missing surface.

        Args:
            cloud: The scan.
            score: Its object score.
        """
        scan = measure_scan(cloud.pos)
        pose = self.gate.register(cloud, scan)
        checks = self.gate.checks(cloud, scan=scan, found=pose)
        found = Found() if self.missing is None else self.missing(cloud, pose)
        joint = self._joint(score, found)
        failed = [check.sentence for check in checks if not check.passed]
        failed += [found.not_scanned] if found.not_scanned else []
        calibration, p_value = self.calibration_of(scan), float("nan")
        if failed or calibration is None:
            verdict, reason = NOT_JUDGED, failed[0] if failed else ONE_NORMAL
        else:
            verdict = DEFECTIVE if calibration.defective(joint) else GOOD
            reason = self._reason(score, joint, found=found, limit=calibration.limit)
            p_value = calibration.p_value(joint)
        made = Judgment(
            verdict=verdict,
            reason=reason,
            p_value=p_value,
            checks=checks,
            score=joint,
            missing=found.gaps,
            limit=float("nan") if calibration is None else calibration.limit,
        )
        return made, found

    def calibration_of(self, scan: Scan) -> Calibration | None:
        """Return the calibration for a scan: that of rescans if it is unlike the train scans.

        Args:
            scan: Measures of the scan.
        """
        return self.settings.get(self.gate.setting(scan), self.calibration)

    def search(self, cloud: Cloud, score: float) -> tuple[float, Found]:
        """Return the object score with missing surface, and what was found in the search for it.

        Args:
            cloud: The scan.
            score: Its object score.
        """
        if self.missing is None:
            return score, Found()
        found = self.missing(cloud, self.gate.register(cloud, measure_scan(cloud.pos)))
        return self._joint(score, found), found

    def _joint(self, score: float, found: Found) -> float:
        return score if self.tails is None else float(self.tails.joint(score, found.emptiness))

    def _reason(self, score: float, joint: float, *, found: Found, limit: float) -> str:
        gap = next((gap for gap in found.gaps if gap.kind == MISSING), None)
        if joint > limit >= score and gap is not None:
            return gap.sentence
        side = "above" if joint > limit else "not above"
        return f"the score {joint:.4g} is {side} the limit {limit:.4g}"

    def sentence(self) -> str:
        """Return what the limit promises, for people."""
        if self.calibration is None:
            return f"no limit: {ONE_NORMAL}"
        said = [self.calibration.sentence()]
        said += [f"{one.limit:.4g} for a {name} scan" for name, one in self.settings.items()]
        if self.missing is not None:
            said.append(self.missing.sentence())
        return "; ".join(said)

    @classmethod
    def of(
        cls,
        clouds: Clouds | Sequence[Cloud],
        scores: Doubles,
        *,
        false_alarms: float,
        confidence: float = 0.0,
        search: bool = False,
        points: Doubles | None = None,
        regions: Regions | None = None,
    ) -> Judge:
        """Return the judge of a fit.

        Args:
            clouds: The normal clouds.
            scores: Scores of each of them as if it was not learned from, in the first column, and
                of its rescans, in the others, with shape ``(n, 1 + m)``.
            false_alarms: Wanted false-alarm rate.
            confidence: Confidence of the limits (``Calibration``).
            search: Whether missing surface is searched, where the normal clouds lie on one another.
            points: Highest point score of each of them, with shape ``(n,)``.
            regions: Regions of the part; surface that does not count is not searched.
        """
        if len(clouds) < 2:
            return cls(calibration=None, gate=Gate.of(clouds))

        def limited(values: Doubles) -> Calibration:
            return Calibration(scores=values, false_alarms=false_alarms, confidence=confidence)

        target, found = common_reference(clouds, count=len(clouds) if search else CLOUDS)
        counts = None if regions is None else regions.at
        searched = Missing.of(clouds, target, found=found, counts=counts) if search else None
        own, tails = scores[:, 0], None
        if searched is not None:
            tails = Tails.of(own, searched[1])
            own = tails.joint(own, searched[1])
        return cls(
            calibration=limited(own),
            gate=Gate.of(clouds, (target, found)),
            missing=None if searched is None else searched[0],
            tails=tails,
            points=None if points is None else limited(points),
            settings={
                name: limited(np.maximum(scores[:, 1 + at :: len(SETTINGS)], own[:, None]))
                for at, name in enumerate(SETTINGS[: scores.shape[1] - 1])
            },
        )

    def state(self) -> dict[str, Any]:
        """Return the judge as plain values and tensors."""
        return {
            "calibration": None if self.calibration is None else self.calibration.state(),
            "gate": self.gate.state(),
            "points": None if self.points is None else self.points.state(),
            "settings": {name: one.state() for name, one in self.settings.items()},
            "missing": None if self.missing is None else self.missing.state(),
            "tails": None if self.tails is None else self.tails.state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Judge:
        """Return the judge that :meth:`state` described."""
        stored, gate = state["calibration"], Gate.from_state(state["gate"])
        missing, tails = state.get("missing"), state.get("tails")  # none in older versions
        points, settings = state.get("points"), state.get("settings", {})
        return cls(
            calibration=None if stored is None else Calibration.from_state(stored),
            gate=gate,
            missing=None if missing is None else Missing.from_state(missing, target=gate.target),
            tails=None if tails is None else Tails.from_state(tails),
            points=None if points is None else Calibration.from_state(points),
            settings={name: Calibration.from_state(one) for name, one in settings.items()},
        )


def raised(points: Floats, score: float, *, found: Found) -> Floats:
    """Return scores of points, those around missing surface raised to the object's, ``(N,)``.

    Args:
        points: Score of each point, with shape ``(N,)``.
        score: Object score with missing surface.
        found: What was found in the search for missing surface.
    """
    if found.rim is None:
        return points
    higher = points.copy()
    higher[found.rim] = np.maximum(higher[found.rim], np.float32(score))
    return higher
