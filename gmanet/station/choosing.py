"""Several detectors at once: the one whose gate a scan passes judges the scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gmanet.detectors.stored import DETECTOR_FILE, identity, load
from gmanet.errors import InputError

if TYPE_CHECKING:
    from gmanet.cloud import Cloud
    from gmanet.detectors.base import Detector

__all__ = ["Candidate", "Choice", "choose", "detector_files", "open_detectors"]

ENDING = ".gmanet"
"""Ending of a detector's file, by which it is found in a folder."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A detector that may judge a scan.

    Args:
        name: Name for people, unique among the candidates where the files have different names.
        path: Its file.
        detector: The detector, ready to score.
        identity: Hash of its content.
    """

    name: str
    path: Path
    detector: Detector
    identity: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """The detector that judges a scan.

    Args:
        candidate: The detector; None if none or several take the scan.
        sentence: Reason why there is none, or the name of the one.
    """

    candidate: Candidate | None
    sentence: str


def detector_files(place: Path) -> list[Path]:
    """Return the files of the detectors that a path stands for.

    Args:
        place: A file of ``Detector.save``, the folder of a fitted run, or a folder with files that
            end in ``.gmanet`` or with such folders of runs.

    Raises:
        InputError: There is no detector.
    """
    if not place.exists():
        raise InputError(
            f"{place}: no such folder and no such file, wanted a fitted run, a file of "
            "detector.save, or a folder of such files"
        )
    if not place.is_dir():
        return [place]
    if (place / DETECTOR_FILE).is_file():
        return [place / DETECTOR_FILE]
    if (place / "run.yaml").is_file():
        raise InputError(f"{place}: holds no {DETECTOR_FILE}, wanted a run that was fitted")
    try:
        inner = sorted(path for path in place.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{place}: cannot be read ({error.strerror or error})") from None
    found = [path for path in inner if path.suffix.lower() == ENDING and path.is_file()]
    found += [path / DETECTOR_FILE for path in inner if (path / DETECTOR_FILE).is_file()]
    if not found:
        raise InputError(
            f"{place}: holds no detector, wanted the folder of a fitted run, or a folder with "
            f"files that end in {ENDING}"
        )
    return found


def open_detectors(places: Sequence[Path]) -> list[Candidate]:
    """Return the detectors that some paths stand for, ready to score.

    Args:
        places: Files and folders as for :func:`detector_files`.

    Raises:
        InputError: A path stands for no detector, a file is damaged or of another version, or two
            files hold the same detector.
    """
    found: dict[str, Candidate] = {}
    for path in [file for place in places for file in detector_files(place)]:
        detector = load(path)
        made = Candidate(
            name=_name(path), path=path, detector=detector, identity=identity(detector)
        )
        other = found.setdefault(made.identity, made)
        if other is not made:
            raise InputError(f"{path}: holds the same detector as {other.path}, wanted one of both")
    return list(found.values())


def choose(candidates: Sequence[Candidate], cloud: Cloud) -> Choice:
    """Return the detector that judges a scan: the only one, or the one whose gate it passes.

    A detector without a gate, of an older version, takes no scan where there are several.

    Args:
        candidates: The detectors.
        cloud: The scan.
    """
    if len(candidates) == 1:
        return Choice(candidate=candidates[0], sentence=candidates[0].name)
    refusals = [_refusal(one.detector, cloud) for one in candidates]
    taken = [one for one, reason in zip(candidates, refusals, strict=True) if not reason]
    if len(taken) == 1:
        return Choice(candidate=taken[0], sentence=taken[0].name)
    if taken:
        said = f"{len(taken)} of {len(candidates)} detectors take the scan"
        names = ", ".join(one.name for one in taken)
        return Choice(candidate=None, sentence=f"{said} ({names}): say which of them is to judge")
    pairs = zip(candidates, refusals, strict=True)
    reasons = "; ".join(f"{one.name}: {reason}" for one, reason in pairs)
    said = f"none of {len(candidates)} detectors takes the scan"
    return Choice(candidate=None, sentence=f"{said} ({reasons})")


def _name(path: Path) -> str:
    """Return the name of a file without ending, for a run that of its folder."""
    if path.name == DETECTOR_FILE:
        return path.resolve().parent.name
    return path.stem


def _refusal(detector: Detector, cloud: Cloud) -> str:
    """Return the reason why a detector does not take a scan; empty if it does."""
    if detector.judge is None:
        return "stored without the ranges of its scans"
    failed = [check for check in detector.judge.gate(cloud) if not check.passed]
    return failed[0].sentence if failed else ""
