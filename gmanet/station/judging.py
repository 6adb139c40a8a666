"""One scan from its file to what was found, whatever the file holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gmanet.errors import InputError
from gmanet.formats import read_cloud
from gmanet.inspection.defects import Defects
from gmanet.inspection.finding import ScanFile
from gmanet.inspection.judged import hash_file, judged, not_taken, unusable
from gmanet.inspection.outputs import write_outputs
from gmanet.inspection.record import Inspection
from gmanet.station.choosing import Candidate, choose

if TYPE_CHECKING:
    from gmanet.cloud import Cloud
    from gmanet.detectors.base import Scores

__all__ = ["LEARNED", "Judged", "judge_file", "judge_safely", "write_judged"]

LEARNED = "the detector was fitted on this scan, which scores lower than others"
"""Note on a scan that the detector was fitted on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """What was found about a file.

    Args:
        found: The verdict and all that belongs to it.
        cloud: The scan; None for a file that is none.
        scores: Its scores; None for a file that is no scan, and if no detector takes it.
        defects: Its defects; None as the scores are.
    """

    found: Inspection
    cloud: Cloud | None = None
    scores: Scores | None = None
    defects: Defects | None = None


def judge_file(candidates: Sequence[Candidate], path: Path, *, scan: str) -> Judged:
    """Return what the detectors find about a file; nothing is written.

    Args:
        candidates: The detectors; of several, the one whose gate the scan passes judges it.
        path: The file.
        scan: Its name for people.

    Raises:
        InputError: The file is no scan, or cannot be scored.
    """
    start, sha256 = time.perf_counter(), hash_file(path)
    cloud = read_cloud(path)
    choice = choose(candidates, cloud)
    if choice.candidate is None:
        seconds = time.perf_counter() - start
        found = not_taken(path, cloud, reason=choice.sentence, seconds=seconds)
        return Judged(found=replace(found, scan=scan), cloud=cloud)
    detector = choice.candidate.detector
    made = judged(detector, cloud, scan=scan)
    learned = (LEARNED,) if cloud.fingerprint in detector.fitted_on else ()
    found = replace(
        made.found,
        sha256=sha256,
        detector=choice.candidate.identity,
        notes=(*made.found.notes, *learned),
        seconds=time.perf_counter() - start,
    )
    return Judged(found=found, cloud=cloud, scores=made.scores, defects=made.defects)


def judge_safely(candidates: Sequence[Candidate], path: Path, *, scan: str) -> Judged:
    """Return the same; a file that cannot be judged, for whatever reason, is ``unusable``.

    A station must not stop at a file that no earlier file was like.

    Args:
        candidates: The detectors.
        path: The file.
        scan: Its name for people.
    """
    try:
        return judge_file(candidates, path, scan=scan)
    except InputError as error:
        reason = str(error).replace(str(path), scan)
    except Exception as error:  # whatever a file may cause in any library
        said = f"{type(error).__name__}: {error}"
        reason = f"{scan}: cannot be judged ({said}), wanted a scan like the normal scans"
    return Judged(found=unusable(Path(scan), InputError(" ".join(reason.split()))))


def write_judged(scan: ScanFile, made: Judged, *, picture: bool) -> None:
    """Write the outputs of a scan; nothing for a file that is none, and if no detector takes it.

    Args:
        scan: The scan and the path of its outputs.
        made: What was found about it.
        picture: Whether to draw a picture.

    Raises:
        OutputError: A file cannot be written.
    """
    if made.cloud is None or made.scores is None or made.defects is None:
        return
    write_outputs(
        scan,
        made.cloud,
        scores=made.scores,
        found=made.found,
        defects=made.defects,
        limits=None,
        picture=picture,
    )
