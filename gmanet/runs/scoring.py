"""Inspection of scans with fitted detectors, of runs or of files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gmanet.detectors.stored import read_identity
from gmanet.errors import InputError
from gmanet.formats import read_cloud
from gmanet.inspection.finding import ScanFile
from gmanet.inspection.judged import earlier, judge_scan, not_taken, point_limit, unusable
from gmanet.inspection.record import Inspection
from gmanet.runs.folder import Run
from gmanet.station.choosing import Candidate, choose, detector_files, open_detectors

if TYPE_CHECKING:
    from gmanet.cloud import Cloud
    from gmanet.detectors.base import Detector
    from gmanet.view.colors import Limits

__all__ = ["inspect_files", "load_detector"]


def load_detector(run: Run) -> Detector:
    """Return the fitted detector of a run, ready to score.

    Raises:
        InputError: The checkpoint is missing, damaged or of another version.
    """
    from gmanet.detectors.table import DETECTORS

    _file_of(run)
    config = run.config.detector
    detector = DETECTORS[config.name](config)
    run.restore(detector)
    return detector.eval()


def inspect_files(
    places: Sequence[Path], scans: Sequence[ScanFile], *, picture: bool = True
) -> Iterator[Inspection]:
    """Judge scans, write the outputs of each, and yield what was found about each, in order.

    Of several detectors, the one whose gate a scan passes judges it.  Scans that one of the
    detectors judged before are not judged again.  A file that is no scan is yielded as
    ``unusable``, a scan that none or several detectors take as ``not judged``, without outputs;
    they stop no other.

    Args:
        places: Folders of fitted runs, files of ``Detector.save``, folders of both.
        scans: The scans and the paths of their outputs.
        picture: Whether to draw a picture of each scan.

    Raises:
        InputError: A detector cannot be used; it is raised before anything is written.
        OutputError: An output cannot be written.
    """
    files = [file for place in places for file in detector_files(place)]
    identities = cache(lambda: frozenset(read_identity(file) for file in files))
    candidates: list[Candidate] = []
    for scan in scans:
        found = None
        if scan.output(".json").is_file():
            found = earlier(scan, identities=identities(), picture=picture)
        if found is None:
            start = time.perf_counter()
            try:
                cloud = read_cloud(scan.path)
            except InputError as error:  # before seconds are spent on the detectors
                yield unusable(scan.path, error)
                continue
            reading = time.perf_counter() - start
            candidates = candidates or open_detectors(places)
            try:
                found = _judge(candidates, scan, cloud=cloud, reading=reading, picture=picture)
            except InputError as error:
                found = unusable(scan.path, error)
        yield found


def _judge(
    candidates: Sequence[Candidate],
    scan: ScanFile,
    *,
    cloud: Cloud,
    reading: float,
    picture: bool,
) -> Inspection:
    """Return what the detector that takes a scan finds about it; its outputs are written."""
    start = time.perf_counter()
    choice = choose(candidates, cloud)
    reading += time.perf_counter() - start
    if choice.candidate is None:
        return not_taken(scan.path, cloud, reason=choice.sentence, seconds=reading)
    detector = choice.candidate.detector
    return judge_scan(
        detector,
        scan,
        cloud=cloud,
        identity=choice.candidate.identity,
        reading=reading,
        limits=None if point_limit(detector) is not None else _limits(choice.candidate.path.parent),
        picture=picture,
    )


def _file_of(run: Run) -> Path:
    """Return the file of a run's detector.

    Raises:
        InputError: The run has none.
    """
    if not run.detector_file.is_file():
        raise InputError(f"{run.folder}: holds no detector.ckpt, wanted a run that was fitted")
    return run.detector_file


def _limits(folder: Path) -> Limits | None:
    """Return the score range of a run's test clouds, for colors that mean the same each time.

    None before any test cloud was scored, and for a folder that is no run's.
    """
    from gmanet.evaluation.predictions import load_predictions
    from gmanet.view.colors import score_limits

    scored = Run(folder).predictions
    if not any(scored.glob("*.npz")):
        return None
    return score_limits(*(prediction.score for prediction in load_predictions(scored)))
