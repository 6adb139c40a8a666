"""Score your own scans with a fitted detector: ``python -m gmanet.predict RUN FILE...``.

In the folder ``gmanet-scores`` beside every input, or in ``--output``, appear ``<name>.scores.npz``
(``score``, one per point in the order of the file, NaN where nothing was measured, and
``object_score``), ``<name>.scores.ply`` (the measured points colored by score) and
``<name>.scores.png``.  No command takes them for scans.  Scores are comparable within one run;
``scores.json`` of the run tells what its normal test clouds got.  RUN is the folder of a run, or a
file that ``Detector.save`` wrote.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gmanet.errors import InputError, command, note
from gmanet.formats import READERS, read_cloud, write_cloud
from gmanet.formats.outputs import MARK, OUTPUTS, count_outputs, is_output, output_stem
from gmanet.runs.folder import Run

if TYPE_CHECKING:
    from gmanet.cloud import Cloud
    from gmanet.detectors.base import Detector, Scores

__all__ = ["load_detector", "main"]


def load_detector(run: Run) -> Detector:
    """Return the fitted detector of a run, ready to score.

    Raises:
        InputError: The checkpoint is missing, damaged or of another version.
    """
    from gmanet.detectors import DETECTORS

    if not run.detector_file.is_file():
        raise InputError(f"{run.folder}: holds no detector.ckpt, wanted a run that was fitted")
    config = run.config.detector
    detector = DETECTORS[config.name](config)
    run.restore(detector)
    return detector.eval()


def main() -> None:
    """Read the arguments, score every file, print one line each."""
    parser = argparse.ArgumentParser(
        prog="python -m gmanet.predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", help="folder of a fitted run, or a file of detector.save")
    endings = ", ".join(READERS)
    parser.add_argument("files", nargs="+", type=Path, help=f"scans that end in {endings}")
    parser.add_argument("-o", "--output", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    run = None if Path(arguments.run).is_file() else Run.open(arguments.run)
    files = _scans(arguments.files)
    _refuse_twins(files, arguments.output)
    clouds = [read_cloud(path) for path in files]  # refuse a bad file before any work
    from gmanet.detectors.stored import load

    detector = load(arguments.run) if run is None else load_detector(run)
    limits = None if run is None else _limits(run)
    for path, cloud in zip(files, clouds, strict=True):
        for sentence in cloud.notes:
            note(sentence)
        if cloud.fingerprint in detector.fitted_on:
            note(f"{path}: the detector was fitted on this scan, which scores lower than others")
        scores = detector.score(cloud)
        target = _target(path, arguments.output)
        _write(target, cloud, scores=scores, limits=limits)
        written = f"written {target}.{{npz,ply,png}}"
        sys.stdout.write(f"{path}: object score {scores.object:.4f}, {written}\n")


def _scans(files: list[Path]) -> list[Path]:
    """Return the files without outputs of an earlier call.

    Raises:
        InputError: There is nothing else.
    """
    scans = [path for path in files if not is_output(path)]
    if not scans and files[0].exists():
        raise InputError(f"{files[0]}: was written by gmanet predict, wanted a scan")
    if passed := count_outputs(path for path in files if path.is_file()):
        note(passed)
    return scans or files


def _target(path: Path, output: Path | None) -> Path:
    return (output or path.parent / OUTPUTS) / output_stem(path.stem, ".scores")


def _refuse_twins(files: list[Path], output: Path | None) -> None:
    """Raise an error if two inputs would be written to the same place."""
    seen: dict[Path, Path] = {}
    for path in files:
        target = _target(path, output)
        other = seen.setdefault(target.resolve(), path)
        if other is not path:
            found = f"two files would be written to {target}.npz, {other} and {path}"
            raise InputError(f"{found}: wanted distinct names, or one call of predict for each")


def _limits(run: Run) -> tuple[float, float] | None:
    """Return the score range of the run's test clouds, for colors that mean the same each time."""
    from gmanet.evaluation.predictions import load_predictions

    if not any(run.predictions.glob("*.npz")):
        return None
    score = np.concatenate([prediction.score for prediction in load_predictions(run.predictions)])
    low, high = np.percentile(score, (50, 99.9))
    return float(low), float(high)


def _write(
    target: Path, cloud: Cloud, *, scores: Scores, limits: tuple[float, float] | None
) -> None:
    """Write scores, colored points and the picture."""
    from gmanet.runtime.atomic import replacing
    from gmanet.view.colors import score_colors
    from gmanet.view.sheet import Panel, save_row

    points = scores.points
    low, high = limits or tuple(np.percentile(points, (50, 99.9)).tolist())
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


if __name__ == "__main__":
    command(main)
