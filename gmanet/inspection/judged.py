"""One scan from its file to its outputs; a scan that the same detector judged is not judged again.

The outputs of a scan, named after it in a folder of their own: ``.npz`` (scores and verdict),
``.ply`` (points colored by score), ``.png`` (a picture) and ``.json`` (what was found).  The last
is written last, so that a scan whose outputs are not whole is judged again.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gmanet.cloud import Cloud, Floats
from gmanet.errors import InputError, OutputError, note
from gmanet.formats import read_cloud
from gmanet.inspection.finding import ScanFile
from gmanet.inspection.outputs import write_outputs
from gmanet.inspection.record import UNUSABLE, Inspection

if TYPE_CHECKING:
    from gmanet.detectors.base import Detector, Scores
    from gmanet.view.colors import Limits

__all__ = ["earlier", "hash_file", "judge_file", "judged", "unusable"]


def judged(detector: Detector, cloud: Cloud, *, scan: str) -> tuple[Inspection, Scores]:
    """Return what a detector finds about a scan, and the scores.

    Args:
        detector: A fitted detector.
        cloud: The scan.
        scan: Path or name of the scan.

    Raises:
        InputError: The scan cannot be scored.
    """
    scores = detector.score(cloud)
    calibration = None if detector.judge is None else detector.judge.calibration
    found = Inspection(
        scan=scan,
        verdict=scores.verdict,
        reason=scores.reason,
        p_value=scores.p_value,
        score=scores.object,
        limit=float("nan") if calibration is None else calibration.limit,
        worst=_worst(cloud, scores.points),
        points=len(cloud),
        checks=scores.checks,
        notes=cloud.notes,
    )
    return found, scores


def judge_file(
    detector: Detector,
    scan: ScanFile,
    *,
    identity: str,
    limits: Limits | None = None,
    picture: bool = True,
) -> Inspection:
    """Return what a detector finds about a scan after the outputs are written.

    Args:
        detector: A fitted detector.
        scan: The scan and the path of its outputs.
        identity: Identity of the detector.
        limits: Scores with the first and the last color; None for those of this scan.
        picture: Whether to draw a picture.

    Raises:
        InputError: The file is no scan, or cannot be scored.
        OutputError: An output cannot be written.
    """
    start = time.perf_counter()
    cloud = read_cloud(scan.path)
    for sentence in cloud.notes:
        note(sentence)
    if cloud.fingerprint in detector.fitted_on:
        note(f"{scan.path}: the detector was fitted on this scan, which scores lower than others")
    found, scores = judged(detector, cloud, scan=str(scan.path))
    sha256, seconds = hash_file(scan.path), time.perf_counter() - start
    found = replace(found, sha256=sha256, detector=identity, seconds=seconds)
    write_outputs(scan, cloud, scores=scores, found=found, limits=limits, picture=picture)
    return found


def earlier(scan: ScanFile, *, identity: str, picture: bool = True) -> Inspection | None:
    """Return what the same detector found about the same file before; None if it did not.

    Args:
        scan: The scan and the path of its outputs.
        identity: Identity of the detector.
        picture: Whether a picture must be there.
    """
    endings = (".npz", ".ply", *([".png"] if picture else []))
    if not all(scan.output(ending).is_file() for ending in endings):
        return None
    try:
        stored = json.loads(scan.output(".json").read_text(encoding="utf-8"))
        found = Inspection.from_state(stored)
        same = found.detector == identity and found.sha256 == hash_file(scan.path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found.again(str(scan.path)) if same else None


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


def _worst(cloud: Cloud, points: Floats) -> tuple[float, float, float]:
    """Return the place of the highest score in the coordinates of the file."""
    index = int(np.argmax(points))
    x, y, z = cloud.pos[index].astype(np.float64) + np.asarray(cloud.origin)
    return float(x), float(y), float(z)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
