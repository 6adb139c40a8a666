"""The model card of a detector: what it judges, from what, with which promise, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gmanet.detectors.base import Detector
    from gmanet.verdict.gate import Gate

__all__ = ["model_card"]

RIGHTS = """\
The detector was made with gmanet, which is under the MIT license. It contains measures, and for
some methods surface points, of the normal scans: whoever may not have the scans may not have this
file. It judges one part only. It holds no program: no part of it is executed when it is loaded."""


def model_card(detector: Detector, *, version: str, identity: str) -> str:
    """Return the card as text.

    Args:
        detector: A fitted detector.
        version: Version of gmanet.
        identity: Hash of the detector's content.
    """
    kind = "labeled defective" if detector.supervised else "normal"
    lines = [
        f"A detector of gmanet {version}",
        "",
        f"Part: {detector.part or 'not named'}",
        f"Method: {detector.config.name}",
        f"Fitted on: {len(detector.fitted_on)} {kind} scans",
        f"Identity: {identity}",
        "",
        *_promise(detector),
        *(f"- {sentence}" for sentence in detector.detection),
        "",
        RIGHTS,
        "",
        "To judge a scan:  gmanet predict THIS_FILE scan.ply",
        'From Python:      gmanet.load("THIS_FILE").score(gmanet.read_cloud("scan.ply"))',
    ]
    return "\n".join(lines) + "\n"


def _promise(detector: Detector) -> list[str]:
    """Return sentences on the limit and on the scans that it holds for."""
    if detector.judge is None:
        return ["No limit: scans get scores, but are not judged."]
    said = detector.judge.sentence()
    return [said[0].upper() + said[1:] + ".", *_scans(detector.judge.gate, detector.unit)]


def _scans(gate: Gate, unit: str) -> list[str]:
    """Return sentences on the train scans."""
    named = f" {unit}" if unit else ", in the unit of the scans"
    points, size, noise = (_range(gate.ranges[name]) for name in ("points", "size", "noise"))
    return [
        "The promise holds for scans as the train scans are; others are not judged. Those had",
        f"- {points} points,",
        f"- a size (without outliers) of {size}{named},",
        f"- noise of {noise}{named}.",
    ]


def _range(pair: tuple[float, float]) -> str:
    low, high = (f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}" for value in pair)
    return low if low == high else f"{low} to {high}"
