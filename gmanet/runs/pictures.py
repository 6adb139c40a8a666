"""Pictures of a scan, or of a test cloud of a run, from four sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud, Floats
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.catalog import open_data
from gmanet.detectors.table import DETECTORS
from gmanet.errors import InputError, hint, note
from gmanet.evaluation.gallery import choose
from gmanet.evaluation.predictions import Prediction, file_stem, load_predictions
from gmanet.formats import read_cloud
from gmanet.formats.outputs import OUTPUTS, output_stem
from gmanet.runs.folder import Run
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import make_twin
from gmanet.view.colors import (
    SURFACE_COLOR,
    Bytes,
    Limits,
    label_colors,
    score_colors,
    score_limits,
)
from gmanet.view.sheet import Panel, save_row
from gmanet.view.viewpoints import save_perspectives

__all__ = ["show_file", "show_run"]

SHOWN = 5
"""Largest number of real, and of synthetic, defects in the picture of both."""


def show_file(path: Path, folder: Path) -> Path:
    """Draw a scan with its labels and scores, if there are any, and return the picture.

    Args:
        path: The scan.
        folder: Folder of the picture.

    Raises:
        InputError: The scan or its scores cannot be read, or the picture cannot be written.
    """
    cloud = read_cloud(path)
    for sentence in cloud.notes:
        note(sentence)
    picture = folder / f"{output_stem(path.stem, '.views')}.png"
    return _draw(picture, cloud, score=_scores_of(path, cloud), limits=None)


def _scores_of(path: Path, cloud: Cloud) -> Floats | None:
    """Return the scores of a scan from the file of ``predict``, also of earlier versions."""
    name = f"{output_stem(path.stem, '.scores')}.npz"
    places = (path.parent / OUTPUTS / name, path.parent / name)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        return None
    score = Prediction.load(found, unmeasured=True).score
    if cloud.rows is not None and len(score) == cloud.file_points:
        score = score[cloud.rows]
    if len(score) != len(cloud):
        found_scores = f"{len(score)} scores for the {len(cloud)} points of {path}"
        raise InputError(f"{found}: {found_scores}, wanted those of gmanet predict RUN {path}")
    return score


def show_run(run: Run, name: str, *, folder: Path) -> list[Path]:
    """Draw a test cloud of a run, and real above synthetic defects; return the pictures.

    Args:
        run: A run with predictions.
        name: Name of the test cloud; empty for the first defective one.
        folder: Folder of the pictures.

    Raises:
        InputError: There are no predictions, no such cloud, or the data are missing.
    """
    if not any(run.predictions.glob("*.npz")):
        raise InputError(f"{run.folder}: holds no predictions, wanted a run that was finished")
    found = {prediction.name: prediction for prediction in load_predictions(run.predictions)}
    name = name or min((n for n, p in found.items() if p.abnormal), default=min(found))
    if name not in found:
        raise InputError(f"{run.folder}: no test cloud {name!r}{hint(name, found)}")
    test = open_data(run.config.data, "test")
    if name not in test.names:
        raise InputError(
            f"{run.folder}: the scan of test cloud {name!r} is no longer in "
            f"{run.config.data.root}, wanted it there, or one of {', '.join(test.names[:5])}"
        )
    cloud, score = test[test.names.index(name)], found[name].score
    if len(cloud) != len(score):
        raise InputError(
            f"{run.folder}: {len(score)} scores for the {len(cloud)} points of test cloud "
            f"{name!r}, wanted the scan that was scored; it was changed since"
        )
    limits = score_limits(*(prediction.score for prediction in found.values()))
    pictures = [_draw(folder / f"{file_stem(name)}.views.png", cloud, score=score, limits=limits)]
    if DETECTORS[run.config.detector.name].learns_from_twins:
        pictures += _draw_both(run, test, predictions=list(found.values()), folder=folder)
    return pictures


def _draw(path: Path, cloud: Cloud, *, score: Floats | None, limits: Limits | None) -> Path:
    """Write a cloud's labels and scores from four sides."""
    colors: dict[str, Bytes] = {}
    if cloud.label is not None:
        colors["truth"] = label_colors(cloud.label)
    if score is not None:
        limits = limits or score_limits(score)
        colors["score"] = score_colors(score, limits[0], high=limits[1])
    if not colors:
        colors[cloud.name] = np.broadcast_to(SURFACE_COLOR, cloud.pos.shape)
    save_perspectives(path, cloud.pos, colors=colors, region=cloud.label, limits=limits)
    return path


def _draw_both(
    run: Run, test: CloudDataset, *, predictions: list[Prediction], folder: Path
) -> list[Path]:
    """Draw defects of test clouds, of all kinds in turn, above twins of the run (Fig. 8).

    Without train data nothing is drawn, with a note.
    """
    config = run.config
    try:
        train = open_data(config.data, "train")
    except InputError as error:
        note(f"real_and_synthetic.png is left out, it needs the train data: {error}")
        return []
    there = set(test.names)
    defective = [one for one in predictions if one.abnormal and one.name in there]
    real = [test[test.names.index(name)] for name in choose(defective, SHOWN)]
    generator = Generator(config.synthesis)
    twins = [
        make_twin(generator, train, index=index, seed=config.seed)[1]
        for index in range(max(1, len(real)))
    ]
    rows = [
        [Panel(title=f"real: {cloud.defect}", pos=cloud.pos, label=cloud.label) for cloud in real],
        [
            Panel(title=f"synthetic {i}", pos=one.pos, label=one.label)
            for i, one in enumerate(twins)
        ],
    ]
    path = folder / "real_and_synthetic.png"
    save_row(path, [row for row in rows if row], unit=test.unit, size=300, own_views=True)
    return [path]
