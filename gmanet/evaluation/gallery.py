"""A picture per test cloud: normal cloud, twin, ground truth and scores next to one another."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, zip_longest
from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.evaluation.predictions import Prediction, file_stem
from gmanet.runtime.orphans import end_with
from gmanet.view.colors import Limits, score_limits
from gmanet.view.sheet import Panel, save_row

__all__ = ["choose", "draw_gallery"]


def choose(predictions: Iterable[Prediction], count: int) -> list[str]:
    """Return names of test clouds, one of each kind of defect in turn.

    Args:
        predictions: Predictions of all test clouds.
        count: Number of names; -1 for all.
    """
    kinds: dict[str, list[str]] = {}
    for prediction in predictions:
        kinds.setdefault(prediction.defect, []).append(prediction.name)
    turns = zip_longest(*(kinds[kind] for kind in sorted(kinds, key=lambda k: k == "good")))
    names = [name for name in chain.from_iterable(turns) if name is not None]
    return names if count < 0 else names[:count]


def draw_gallery(
    folder: Path,
    names: list[str],
    *,
    normal: Cloud | None,
    twin: Cloud | None,
    test: CloudDataset,
    predictions: dict[str, Prediction],
    workers: int,
) -> list[Path]:
    """Write one picture per name and return the files.

    The colors of scores are the same in all pictures: they range from the median score of all test
    points to the 99.9th percentile, so that normal clouds have low colors.

    Args:
        folder: Folder of the pictures.
        names: Names of the test clouds to draw.
        normal: A normal train cloud; None for none.
        twin: Twin of this cloud; None for a detector without twins.
        test: The test clouds.
        predictions: Name of each test cloud -> its prediction.
        workers: Number of processes; 0 draws in this process.
    """
    limits = score_limits(*(prediction.score for prediction in predictions.values()))
    index = {name: place for place, name in enumerate(test.names)}
    jobs = []
    for name in names:
        row = _row(normal, twin, cloud=test[index[name]], prediction=predictions[name])
        jobs.append((folder / f"{file_stem(name)}.png", row, limits, test.unit))
    if workers < 2 or len(jobs) < 2:
        return [_draw(*job) for job in jobs]
    with ProcessPoolExecutor(workers, initializer=end_with, initargs=(os.getpid(),)) as pool:
        return list(pool.map(_draw, *zip(*jobs, strict=True)))


def _row(
    normal: Cloud | None, twin: Cloud | None, *, cloud: Cloud, prediction: Prediction
) -> list[Panel]:
    row = []
    if normal is not None:
        row.append(Panel(title="normal", pos=normal.pos, normal=normal.normal))
    if twin is not None:
        row.append(Panel(title="twin", pos=twin.pos, label=twin.label))
    if cloud.label is not None:
        row.append(Panel(title=f"truth: {cloud.defect}", pos=cloud.pos, label=cloud.label))
    row.append(Panel(title="score", pos=cloud.pos, score=prediction.score))
    return row


def _draw(path: Path, row: list[Panel], limits: Limits, unit: str) -> Path:
    save_row(path, [row], unit=unit, limits=limits)
    return path
