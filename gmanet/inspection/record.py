"""What was found about one scan, as plain values: a line for people, rows of CSV and JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from gmanet.inspection.defect import Defect
from gmanet.verdict.check import DEFECTIVE, GOOD, NOT_JUDGED, Check

__all__ = ["UNUSABLE", "Inspection", "exit_code"]

UNUSABLE = "unusable"
"""Verdict on a file that cannot be read as a scan."""

EXIT_CODES = {DEFECTIVE: 1, UNUSABLE: 2, NOT_JUDGED: 3, GOOD: 0}
"""Verdict -> exit code of a command; of several scans the first verdict in this order counts."""

LAYOUT = 2
"""Version number of the stored values."""

NUMBERS = ("p_value", "score", "limit", "point_limit")
"""Values that may be no number."""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found about one scan.

    Args:
        scan: Path of the file as it was given.
        verdict: ``good``, ``defective``, ``not judged`` or ``unusable``.
        reason: Reason of the verdict, one sentence.
        p_value: Share of good parts that score as high; NaN if the scan is not judged.
        score: Object score; NaN for a file that is no scan.
        limit: Highest object score that is not called defective; NaN if there is none.
        worst: Place of the highest point score, in the coordinates and the unit of the file; None
            for a file that is no scan.
        points: Number of measured points.
        seconds: Time from the file to the verdict.
        sha256: Hash of the file, 64 hexadecimal digits.
        detector: Identity of the detector.
        checks: Measures of the scan beside their ranges over the train scans.
        point_limit: Highest point score that is not that of a defect; NaN if there is none.
        defects: Defects of a scan that is not good, those with the highest scores first.
        promise: What the limit promises, one sentence.
        unit: Unit of the scan; empty if unknown.
        notes: Sentences on what the file holds beside the points.
        repeated: Whether the verdict is one of an earlier call.
    """

    scan: str
    verdict: str
    reason: str
    p_value: float = math.nan
    score: float = math.nan
    limit: float = math.nan
    worst: tuple[float, float, float] | None = None
    points: int = 0
    seconds: float = 0.0
    sha256: str = ""
    detector: str = ""
    checks: tuple[Check, ...] = ()
    point_limit: float = math.nan
    defects: tuple[Defect, ...] = ()
    promise: str = ""
    unit: str = ""
    notes: tuple[str, ...] = ()
    repeated: bool = False

    @property
    def sentence(self) -> str:
        """The line for people."""
        if self.verdict == UNUSABLE:
            return self.reason
        if math.isnan(self.p_value):
            said = f"{self.verdict} ({self.reason})"
        else:
            said = f"{self.verdict} (p = {self.p_value:.3g})"
        place = "" if self.worst is None else f", worst place {_place(self.worst)}"
        when = "judged before" if self.repeated else f"{self.seconds:.2f} s"
        count = len(self.defects)
        some = f", {count} defect{'s' * (count > 1)}" if count else ""
        return f"{self.scan}: {said}, object score {self.score:.4f}{some}{place}, {when}"

    def row(self) -> dict[str, Any]:
        """Return the values of a line of CSV."""
        x, y, z = self.worst or (math.nan,) * 3
        return {
            "scan": self.scan,
            "verdict": self.verdict,
            "p_value": self.p_value,
            "score": self.score,
            "limit": self.limit,
            "worst_x": x,
            "worst_y": y,
            "worst_z": z,
            "defects": len(self.defects),
            "points": self.points,
            "seconds": round(self.seconds, 3),
            "reason": self.reason,
            "sha256": self.sha256,
            "detector": self.detector,
        }

    def state(self) -> dict[str, Any]:
        """Return all values as JSON has them, numbers that are not finite as None."""
        values = {**asdict(self), "layout": LAYOUT, "checks": [asdict(one) for one in self.checks]}
        return {key: _plain(value) for key, value in values.items() if key != "repeated"}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Inspection:
        """Return the inspection that :meth:`state` described.

        Raises:
            ValueError, KeyError, TypeError: The values are those of no inspection.
        """
        if state["layout"] != LAYOUT:
            raise ValueError(f"layout {state['layout']}, wanted {LAYOUT}")
        known = {field.name for field in fields(cls)} & set(state)
        values = {name: state[name] for name in known}
        values |= {name: _number(state[name]) for name in NUMBERS}
        worst = state["worst"]
        values["worst"] = None if worst is None else tuple(map(float, worst))
        values["checks"] = tuple(Check(**_open(check)) for check in state["checks"])
        values["defects"] = tuple(_defect(one) for one in state["defects"])
        values["notes"] = tuple(state["notes"])
        return cls(**values)

    def again(self, scan: str) -> Inspection:
        """Return the same as repeated by a later call, under the path that this one was given."""
        return replace(self, scan=scan, repeated=True)


def exit_code(inspections: Iterable[Inspection]) -> int:
    """Return the exit code of a command: of all verdicts, the first one in ``EXIT_CODES`` counts.

    Args:
        inspections: What was found about each scan.
    """
    found = {one.verdict for one in inspections}
    return next((code for verdict, code in EXIT_CODES.items() if verdict in found), 0)


def _place(place: tuple[float, float, float]) -> str:
    return f"({', '.join(f'{value:.6g}' for value in place)})"


def _plain(value: Any) -> Any:
    """Return a value of JSON, with None for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _defect(state: Mapping[str, Any]) -> Defect:
    values = {**state, "depth": _number(state["depth"]), "score": _number(state["score"])}
    part = state["part_place"]
    values["place"] = tuple(map(float, state["place"]))
    values["part_place"] = None if part is None else tuple(map(float, part))
    return Defect(**values)


def _open(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a check, whose highest value may be infinite."""
    highest = check["highest"]
    return {**check, "highest": math.inf if highest is None else float(highest)}
