"""One scan from its file to its outputs; a scan that the same detector judged is not judged again.

The outputs of a scan, named after it in a folder of their own: ``.npz`` (scores and verdict),
``.ply`` (points colored by score), ``.png`` (a picture) and ``.json`` (what was found).  The last
is written last, so that a scan whose outputs are not whole is judged again.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gmanet.cloud import Cloud, Floats
from gmanet.errors import InputError, OutputError, note
from gmanet.inspection.defects import Defects, find_defects
from gmanet.inspection.finding import ScanFile
from gmanet.inspection.missing_surface import with_gaps
from gmanet.inspection.outputs import write_outputs
from gmanet.inspection.record import UNUSABLE, Inspection
from gmanet.registration.cached import register_cached
from gmanet.verdict.check import GOOD, NOT_JUDGED

if TYPE_CHECKING:
    from gmanet.detectors.base import Detector, Scores
    from gmanet.view.colors import Limits

__all__ = [
    *("Judged", "earlier", "hash_file", "judge_scan", "judged"),
    *("not_taken", "point_limit", "unusable"),
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """What was found about a scan, and what it was found from.

    Args:
        found: What was found.
        scores: Scores of the points and of the object.
        defects: Defects, and the region of each point.
    """

    found: Inspection
    scores: Scores
    defects: Defects


def judged(detector: Detector, cloud: Cloud, *, scan: str) -> Judged:
    """Return what a detector finds about a scan; nothing is written.

    Args:
        detector: A fitted detector.
        cloud: The scan.
        scan: Path or name of the scan.

    Raises:
        InputError: The scan cannot be scored.
    """
    scores = detector.score(cloud)
    limit = point_limit(detector)
    defects = _defects(detector, cloud, scores=scores, limit=limit)
    found = Inspection(
        scan=scan,
        verdict=scores.verdict,
        reason=scores.reason,
        p_value=scores.p_value,
        score=scores.object,
        limit=scores.limit,
        worst=_worst(cloud, scores.points),
        point_limit=math.nan if limit is None else limit,
        defects=defects.found,
        promise="" if detector.judge is None else detector.judge.sentence(),
        unit=getattr(detector, "unit", ""),
        points=len(cloud),
        checks=scores.checks,
        notes=cloud.notes,
    )
    return Judged(found=found, scores=scores, defects=defects)


def judge_scan(
    detector: Detector,
    scan: ScanFile,
    *,
    cloud: Cloud,
    identity: str,
    reading: float = 0.0,
    limits: Limits | None = None,
    picture: bool = True,
) -> Inspection:
    """Return what a detector finds about a scan after the outputs are written.

    Args:
        detector: A fitted detector.
        scan: The file of the scan and the path of its outputs.
        cloud: The scan.
        identity: Identity of the detector.
        reading: Seconds from the file to the cloud.
        limits: Scores with the first and the last color; None for those of this scan.
        picture: Whether to draw a picture.

    Raises:
        InputError: The scan cannot be scored.
        OutputError: An output cannot be written.
    """
    start = time.perf_counter()
    for sentence in cloud.notes:
        note(sentence)
    if cloud.fingerprint in detector.fitted_on:
        note(f"{scan.path}: the detector was fitted on this scan, which scores lower than others")
    made = judged(detector, cloud, scan=str(scan.path))
    sha256, seconds = hash_file(scan.path), reading + time.perf_counter() - start
    found = replace(made.found, sha256=sha256, detector=identity, seconds=seconds)
    write_outputs(
        scan,
        cloud,
        scores=made.scores,
        found=found,
        defects=made.defects,
        limits=limits,
        picture=picture,
    )
    return found


def earlier(
    scan: ScanFile, *, identities: Container[str], picture: bool = True
) -> Inspection | None:
    """Return what one of the detectors found about the same file before; None if none did.

    Args:
        scan: The scan and the path of its outputs.
        identities: Identities of the detectors.
        picture: Whether a picture must be there.
    """
    endings = (".npz", ".ply", *([".png"] if picture else []))
    if not all(scan.output(ending).is_file() for ending in endings):
        return None
    try:
        stored = json.loads(scan.output(".json").read_text(encoding="utf-8"))
        found = Inspection.from_state(stored)
        same = found.detector in identities and found.sha256 == hash_file(scan.path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found.again(str(scan.path)) if same else None


def not_taken(path: Path, cloud: Cloud, *, reason: str, seconds: float) -> Inspection:
    """Return the inspection of a scan that none or several of the detectors take.

    Args:
        path: The file.
        cloud: The scan.
        reason: The reason.
        seconds: Time from the file to the verdict.
    """
    return Inspection(
        scan=str(path),
        verdict=NOT_JUDGED,
        reason=reason,
        points=len(cloud),
        sha256=hash_file(path),
        seconds=seconds,
    )


def unusable(path: Path, error: InputError) -> Inspection:
    """Return the inspection of a file that is no scan.

    Args:
        path: The file.
        error: The reason.

    Raises:
        OutputError: The error is one, which any other scan would meet as well.
    """
    if isinstance(error, OutputError):
        raise error
    return Inspection(scan=str(path), verdict=UNUSABLE, reason=str(error))


def point_limit(detector: Detector) -> float | None:
    """Return the highest point score that is not that of a defect; None if there is no limit.

    Args:
        detector: A fitted detector.
    """
    points = None if detector.judge is None else detector.judge.points
    return None if points is None else points.limit


def _defects(detector: Detector, cloud: Cloud, *, scores: Scores, limit: float | None) -> Defects:
    """Return the defects of a scan; of a good one, and without a limit, none."""
    if scores.verdict == GOOD or limit is None:
        return Defects(found=(), region=np.zeros(len(cloud), dtype=np.int64), deviation=None)
    registered = any(check.name == "overlap" for check in scores.checks)
    pose = None
    if detector.judge is not None and registered:
        target = detector.judge.gate.target
        pose = register_cached(cloud.pos, target).T_target_source
    found = find_defects(
        cloud,
        scores.points,
        limit=limit,
        deviation=detector.signed_deviation(cloud) if registered else None,
        pose=pose,
    )
    return with_gaps(found, scores.missing, cloud=cloud, pose=pose)


def _worst(cloud: Cloud, points: Floats) -> tuple[float, float, float]:
    """Return the place of the highest score in the coordinates of the file."""
    index = int(np.argmax(points))
    x, y, z = cloud.pos[index].astype(np.float64) + np.asarray(cloud.origin)
    return float(x), float(y), float(z)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
