"""Inspection of scans with the detector of a run, or with one of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gmanet.errors import InputError
from gmanet.formats import read_cloud
from gmanet.inspection.finding import ScanFile
from gmanet.inspection.judged import earlier, hash_file, judge_file, unusable
from gmanet.inspection.record import Inspection
from gmanet.runs.folder import Run

if TYPE_CHECKING:
    from gmanet.detectors.base import Detector
    from gmanet.view.colors import Limits

__all__ = ["identify", "inspect_files", "load_detector", "open_detector"]

DIGITS = 32
"""Number of hexadecimal digits of an identity."""


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


def open_detector(place: Path) -> Detector:
    """Return a fitted detector, ready to score.

    Args:
        place: Folder of a fitted run, or a file of ``Detector.save``.

    Raises:
        InputError: There is none, it is damaged or of another version.
    """
    from gmanet.detectors.stored import load

    return load(_stored(place))


def identify(place: Path) -> str:
    """Return the identity of a stored detector: a hash of its file, 32 hexadecimal digits.

    Args:
        place: Folder of a fitted run, or a file of ``Detector.save``.

    Raises:
        InputError: There is no such file.
    """
    file = _stored(place)
    try:
        return hash_file(file)[:DIGITS]
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror or error})") from None


def inspect_files(
    place: Path, scans: Sequence[ScanFile], *, picture: bool = True
) -> Iterator[Inspection]:
    """Judge scans, write the outputs of each, and yield what was found about each, in order.

    Scans that the same detector judged before are not judged again.  A file that is no scan is
    yielded as ``unusable``, and stops no other.

    Args:
        place: Folder of a fitted run, or a file of ``Detector.save``.
        scans: The scans and the paths of their outputs.
        picture: Whether to draw a picture of each scan.

    Raises:
        InputError: The detector cannot be used; it is raised before anything is written.
        OutputError: An output cannot be written.
    """
    identity = identify(place)
    detector: Detector | None = None
    limits: Limits | None = None
    for scan in scans:
        found = earlier(scan, identity=identity, picture=picture)
        if found is None and detector is None:
            found = _unreadable(scan)  # before seconds are spent on the detector
        if found is None:
            if detector is None:
                detector, limits = open_detector(place), _limits(place)
            try:
                found = judge_file(
                    detector, scan, identity=identity, limits=limits, picture=picture
                )
            except InputError as error:
                found = unusable(scan.path, error)
        yield found


def _unreadable(scan: ScanFile) -> Inspection | None:
    """Return the inspection of a file that is no scan; None for a scan."""
    try:
        read_cloud(scan.path)
    except InputError as error:
        return unusable(scan.path, error)
    return None


def _file_of(run: Run) -> Path:
    """Return the file of a run's detector.

    Raises:
        InputError: The run has none.
    """
    if not run.detector_file.is_file():
        raise InputError(f"{run.folder}: holds no detector.ckpt, wanted a run that was fitted")
    return run.detector_file


def _stored(place: Path) -> Path:
    """Return the file of a detector without reading the configuration of its run.

    Args:
        place: Folder of a fitted run, or a file of ``Detector.save``.

    Raises:
        InputError: There is no such file.
    """
    if place.is_file():
        return place
    run = Run(place)
    return _file_of(run if run.config_file.is_file() else Run.open(place))


def _limits(place: Path) -> Limits | None:
    """Return the score range of a run's test clouds, for colors that mean the same each time.

    None before any test cloud was scored, and for a file.
    """
    from gmanet.evaluation.predictions import load_predictions
    from gmanet.view.colors import score_limits

    if place.is_file():
        return None
    folder = Run(place).predictions
    if not any(folder.glob("*.npz")):
        return None
    return score_limits(*(prediction.score for prediction in load_predictions(folder)))
