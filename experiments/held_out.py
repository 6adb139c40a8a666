"""Table X beside detectors that learn from good parts alone: ``python experiments/held_out.py``.

Reads the finished runs of ``experiments/supervised.yaml``, and those of the rows GMANet and
Simple3D of ``experiments/main.yaml`` (seed 0), which scored the same clouds; nothing is fitted.
For each seed of the split, figures are those of the split's test clouds.  A point is abnormal above
a threshold: a half for supervised networks; for the others, which give no probabilities, the
threshold of each part that has the highest IoU on the clouds that the supervised networks were
trained on.

Writes ``experiments/results/held_out.md``.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gmanet.evaluation.predictions import Prediction
    from gmanet.runs.folder import Run

HERE = Path(__file__).parent
UNSUPERVISED = ("GMANet", "Simple3D")
"""Rows of ``main.yaml``."""
HALF = 0.5
"""Threshold of supervised networks."""
TITLES = ("abnormal IoU", "abnormal accuracy", "mIoU", "point AUROC", "point AUPR")

Figures = dict[str, float]


def best_threshold(score: np.ndarray, label: np.ndarray) -> float:
    """Return the threshold whose points at or above it have the highest IoU with abnormal points.

    Args:
        score: Scores of points, with shape ``(N,)``.
        label: True where abnormal, with shape ``(N,)``; at least one is.
    """
    order = np.argsort(-score, kind="stable")
    ranked, found = score[order], np.cumsum(label[order])
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # equal scores pass together
    iou = found[last] / (last + 1 + found[-1] - found[last])
    return float(ranked[last[int(np.argmax(iou))]])


def figures_of(
    clouds: Mapping[str, Prediction], test: Iterable[str], *, limits: Mapping[str, float]
) -> Figures:
    """Return IoU and accuracy pooled over clouds, and point AUROC and AUPR as means over the parts.

    Scores of several detectors are not comparable, so that curves are those of single parts.

    Args:
        clouds: ``part/name`` -> prediction.
        test: Names of the clouds to measure.
        limits: Part -> threshold.
    """
    import torch

    from gmanet.metrics.functional import auroc, average_precision
    from gmanet.metrics.segmentation import Segmentation

    pooled = Segmentation()
    parts: dict[str, list[Prediction]] = {}
    for name in test:
        parts.setdefault(name.partition("/")[0], []).append(clouds[name])
    curves = []
    for part, own in parts.items():
        score = np.concatenate([one.score for one in own])
        label = np.concatenate([one.label for one in own if one.label is not None])
        pooled.update(torch.from_numpy(score >= limits[part]), torch.from_numpy(label))
        curves.append((auroc(score, label), average_precision(score, label)))
    found = pooled.compute()
    values = [float(found[name]) for name in ("iou_abnormal", "accuracy_abnormal", "miou")]
    values += [statistics.fmean(column) for column in zip(*curves, strict=True)]
    return dict(zip(TITLES, values, strict=True))


def chosen_limits(clouds: Mapping[str, Prediction], train: Iterable[str]) -> dict[str, float]:
    """Return each part's best threshold on the train clouds of a split.

    Args:
        clouds: ``part/name`` -> prediction.
        train: Names of the clouds.
    """
    parts: dict[str, list[Prediction]] = {}
    for name in train:
        parts.setdefault(name.partition("/")[0], []).append(clouds[name])
    return {
        part: best_threshold(
            np.concatenate([one.score for one in own]),
            np.concatenate([one.label for one in own if one.label is not None]),
        )
        for part, own in parts.items()
    }


def _predictions(run: Run, part: str = "") -> dict[str, Prediction]:
    """Return ``part/name`` -> prediction of a finished run."""
    from gmanet.evaluation.predictions import load_predictions

    before = f"{part}/" if part else ""
    return {f"{before}{one.name}": one for one in load_predictions(run.predictions)}


def _measured() -> dict[str, list[Figures]]:
    """Return row -> figures of each seed of the split."""
    from gmanet.datasets.catalog import open_data
    from gmanet.errors import InputError
    from gmanet.runs.experiment import read_experiment
    from gmanet.runs.folder import Run

    supervised = [
        cell
        for cell in read_experiment(HERE / "supervised.yaml", Run.root()).cells
        if cell.run.finished and "data.unseen" not in cell.point
    ]
    if not supervised:
        raise InputError(
            "no finished run, wanted python -m gmanet.benchmark experiments/supervised.yaml first"
        )
    others: dict[str, dict[str, Prediction]] = {row: {} for row in UNSUPERVISED}
    for cell in read_experiment(HERE / "main.yaml", Run.root()).cells:
        if cell.row in others and cell.run.finished:
            others[cell.row] |= _predictions(cell.run, cell.point["data.category"])
    splits: dict[int, Any] = {}
    rows: dict[str, list[Figures]] = {}
    for cell in supervised:
        data = cell.run.config.data
        test = open_data(data, "test").names
        splits[data.split_seed] = (open_data(data, "train").names, test)
        limits = dict.fromkeys({name.partition("/")[0] for name in test}, HALF)
        rows.setdefault(cell.row, []).append(
            figures_of(_predictions(cell.run), test, limits=limits)
        )
    for row, clouds in others.items():
        for train, test in splits.values():
            if set(train) | set(test) <= set(clouds):
                limits = chosen_limits(clouds, train)
                rows.setdefault(row, []).append(figures_of(clouds, test, limits=limits))
    return rows


def _line(row: str, seeds: Sequence[Figures]) -> str:
    cells = []
    for name in TITLES:
        values = [one[name] for one in seeds]
        spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
        cells.append(f"{statistics.fmean(values):.3f}{spread}")
    return f"| {row} | {' | '.join(cells)} |"


def main() -> None:
    """Measure, and write the page."""
    from page import write_page

    from gmanet.runtime.provenance import provenance

    argparse.ArgumentParser(description=__doc__).parse_args()
    made = provenance()
    head = [f"| held-out clouds | {' | '.join(TITLES)} |", f"|---|{'--:|' * len(TITLES)}"]
    about = (
        "Networks of Table X on the defective clouds that they were not trained on, and on the "
        "same clouds GMANet and Simple3D, which learned from twenty good clouds of each part.  "
        "IoU and accuracy are pooled over the clouds; AUROC and AUPR are means over the parts.  A "
        "point is called abnormal above .5 by the networks, and by the others above the threshold "
        "of each part with the highest IoU on the clouds that the networks were trained on.  Means "
        "and standard deviations are over the seeds of the split."
    )
    write_page(about, [*head, *(_line(*row) for row in _measured().items())], made)


if __name__ == "__main__":
    from gmanet.errors import command

    command(main)
