"""Draw a cloud from four sides: ``python -m gmanet.show FILE``, or ``... RUN [CLOUD]``.

Of a scan, ``<name>.views.png`` shows it, its labels where it has any, and the scores that
``predict`` wrote to ``gmanet-scores/<name>.scores.npz`` beside it.  Of a run, the truth and the
scores of a test cloud (the first defective one, or the one named), and in
``real_and_synthetic.png`` defects of test clouds above twins that the run learned from.  The
pictures lie beside the file, in the run's ``pictures``, or in ``-o FOLDER``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud, Floats
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.catalog import open_data
from gmanet.detectors import DETECTORS
from gmanet.errors import InputError, command, hint, note
from gmanet.evaluation.predictions import Prediction, file_stem, load_predictions
from gmanet.formats import read_cloud
from gmanet.formats.outputs import OUTPUTS, output_stem
from gmanet.runs.folder import Run
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import make_twin
from gmanet.view.colors import SURFACE_COLOR, Bytes, label_colors, score_colors
from gmanet.view.sheet import Panel, save_row
from gmanet.view.viewpoints import save_perspectives

__all__ = ["main", "show_file", "show_run"]

SHOWN = 5
"""Defects of either sort in the picture of both."""

Limits = tuple[float, float]


def show_file(path: Path, folder: Path) -> Path:
    """Draw a scan, its labels and its scores, as far as it has any, and return the picture.

    Args:
        path: The scan.
        folder: Where the picture goes.

    Raises:
        InputError: The scan or its scores cannot be read, or the picture cannot be written.
    """
    cloud = read_cloud(path)
    for sentence in cloud.notes:
        note(sentence)
    picture = folder / f"{output_stem(path.stem, '.views')}.png"
    return _draw(picture, cloud, score=_scores_of(path, cloud), limits=None)


def _scores_of(path: Path, cloud: Cloud) -> Floats | None:
    """Return the scores that ``predict``, or an earlier version of it, wrote of a scan."""
    name = f"{output_stem(path.stem, '.scores')}.npz"
    places = (path.parent / OUTPUTS / name, path.parent / name)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        return None
    score = Prediction.load(found, unmeasured=True).score
    if cloud.rows is not None and len(score) == cloud.file_points:
        score = score[cloud.rows]
    if len(score) != len(cloud):
        told = f"{len(score)} scores for the {len(cloud)} points of {path}"
        raise InputError(f"{found}: {told}, wanted those of gmanet predict RUN {path}")
    return score


def show_run(run: Run, name: str, *, folder: Path) -> list[Path]:
    """Draw a test cloud of a run, and real beside synthetic defects; return the pictures.

    Args:
        run: A run with predictions.
        name: Of the test cloud; empty for the first defective one.
        folder: Where the pictures go.

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
    low, high = np.percentile(np.concatenate([p.score for p in found.values()]), (50, 99.9))
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
    limits = (float(low), float(max(high, low + 1e-9)))
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
        low, high = limits or np.percentile(score, (50, 99.9)).tolist()
        limits = (low, high)
        colors["score"] = score_colors(score, low, high=high)
    if not colors:
        colors[cloud.name] = np.broadcast_to(SURFACE_COLOR, cloud.pos.shape)
    save_perspectives(path, cloud.pos, colors=colors, region=cloud.label, limits=limits)
    return path


def _draw_both(
    run: Run, test: CloudDataset, *, predictions: list[Prediction], folder: Path
) -> list[Path]:
    """Write defects of test clouds, one of each kind first, above twins of the run (Fig. 8).

    Where there are no train data it writes nothing and says so.
    """
    from gmanet.evaluation.gallery import choose

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


def main() -> None:
    """Read the arguments, draw, and print where the pictures are."""
    parser = argparse.ArgumentParser(
        prog="python -m gmanet.show",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("place", type=Path, metavar="FILE|RUN")
    parser.add_argument("cloud", nargs="?", default="", help="name of a test cloud of the run")
    parser.add_argument("-o", "--output", type=Path, help="folder to write to")
    said = parser.parse_args()
    if said.place.is_dir():
        if not (said.place / "run.yaml").exists():
            wanted = f"wanted the folder of a run, or a scan: {said.place}/NAME.ply"
            raise InputError(f"{said.place}: is a folder without a run.yaml, {wanted}")
        run = Run.open(said.place)
        pictures = show_run(run, said.cloud, folder=said.output or run.pictures)
    elif said.cloud:
        raise InputError(f"{said.place} {said.cloud}: only a run has clouds to choose from")
    else:
        pictures = [show_file(said.place, said.output or said.place.parent)]
    sys.stdout.write("".join(f"{path}\n" for path in pictures))


if __name__ == "__main__":
    command(main)
