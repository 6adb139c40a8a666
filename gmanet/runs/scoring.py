"""Scoring of scans with a fitted detector: scores, colored points and a picture of each scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gmanet.errors import InputError, note
from gmanet.formats import read_cloud, write_cloud
from gmanet.formats.outputs import MARK, OUTPUTS, count_outputs, is_output, output_stem
from gmanet.runs.folder import Run
from gmanet.runtime.atomic import replacing

if TYPE_CHECKING:
    from gmanet.cloud import Cloud
    from gmanet.detectors.base import Detector, Scores
    from gmanet.view.colors import Limits

__all__ = ["load_detector", "score_files"]


def load_detector(run: Run) -> Detector:
    """Return the fitted detector of a run, ready to score.

    Raises:
        InputError: The checkpoint is missing, damaged or of another version.
    """
    from gmanet.detectors.table import DETECTORS

    if not run.detector_file.is_file():
        raise InputError(f"{run.folder}: holds no detector.ckpt, wanted a run that was fitted")
    config = run.config.detector
    detector = DETECTORS[config.name](config)
    run.restore(detector)
    return detector.eval()


def score_files(
    place: Path, files: Sequence[Path], *, output: Path | None = None
) -> Iterator[tuple[Path, Scores, Path]]:
    """Score scans, and yield each file, its scores, and the path of the outputs without endings.

    Args:
        place: Folder of a fitted run, or a file of ``Detector.save``.
        files: Scans; outputs of an earlier call among them are skipped.
        output: Folder of the outputs; None for the folder ``gmanet-scores`` next to each file.

    Raises:
        InputError: A file or the run cannot be used; it is raised before anything is written.
    """
    run = None if place.is_file() else Run.open(place)
    scans = _scans(files)
    _refuse_twins(scans, output)
    clouds = [read_cloud(path) for path in scans]  # refuse a bad file before any work
    from gmanet.detectors.stored import load

    detector = load(place) if run is None else load_detector(run)
    limits = None if run is None else _limits(run)
    for path, cloud in zip(scans, clouds, strict=True):
        for sentence in cloud.notes:
            note(sentence)
        if cloud.fingerprint in detector.fitted_on:
            note(f"{path}: the detector was fitted on this scan, which scores lower than others")
        scores = detector.score(cloud)
        target = _target(path, output)
        _write(target, cloud, scores=scores, limits=limits)
        yield path, scores, target


def _scans(files: Sequence[Path]) -> Sequence[Path]:
    """Return the files without outputs of an earlier call.

    Raises:
        InputError: There are only such outputs.
    """
    scans = [path for path in files if not is_output(path)]
    if not scans and files[0].exists():
        raise InputError(f"{files[0]}: was written by gmanet predict, wanted a scan")
    if passed := count_outputs(path for path in files if path.is_file()):
        note(passed)
    return scans or files


def _target(path: Path, output: Path | None) -> Path:
    return (output or path.parent / OUTPUTS) / output_stem(path.stem, ".scores")


def _refuse_twins(files: Sequence[Path], output: Path | None) -> None:
    """Raise an error if two inputs have the same output path."""
    seen: dict[Path, Path] = {}
    for path in files:
        target = _target(path, output)
        other = seen.setdefault(target.resolve(), path)
        if other is not path:
            found = f"two files would be written to {target}.npz, {other} and {path}"
            raise InputError(f"{found}: wanted distinct names, or one call of predict for each")


def _limits(run: Run) -> Limits | None:
    """Return the score range of the run's test clouds, for colors that mean the same each time.

    None before any test cloud was scored.
    """
    from gmanet.evaluation.predictions import load_predictions
    from gmanet.view.colors import score_limits

    if not any(run.predictions.glob("*.npz")):
        return None
    return score_limits(*(prediction.score for prediction in load_predictions(run.predictions)))


def _write(target: Path, cloud: Cloud, *, scores: Scores, limits: Limits | None) -> None:
    """Write scores, colored points and the picture."""
    from gmanet.view.colors import score_colors, score_limits
    from gmanet.view.sheet import Panel, save_row

    points = scores.points
    low, high = limits or score_limits(points)
    with replacing(target.with_name(f"{target.name}.npz")) as draft:
        score = cloud.in_file_order(points, np.nan)
        np.savez_compressed(draft, score=score, object_score=np.float32(scores.object))
    color = score_colors(points, low, high=high)
    write_cloud(target.with_name(f"{target.name}.ply"), cloud, color=color, comment=MARK)
    panels = [
        Panel(title=cloud.name, pos=cloud.pos),
        Panel(title="score", pos=cloud.pos, score=points),
    ]
    save_row(target.with_name(f"{target.name}.png"), [panels], limits=(low, high))
