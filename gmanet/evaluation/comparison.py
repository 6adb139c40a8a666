"""The runs of an experiment as a picture grid: one defective cloud per category, all methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.evaluation.predictions import load_predictions
from gmanet.view.colors import Limits, score_limits
from gmanet.view.grid import Line, save_grid

__all__ = ["Scored", "draw_grid"]

LINES = 6
"""Largest number of categories that are drawn, evenly spaced in their order."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The predictions of one run.

    Args:
        row: The variant.
        data: Configuration of the data that were scored.
        predictions: Folder of the predictions.
    """

    row: str
    data: DataConfig
    predictions: Path


def draw_grid(path: Path, runs: Sequence[Scored]) -> bool:
    """Draw the first defective test cloud by name of each category; return whether there is any.

    If a row has several runs on a category, the first is drawn.  The colors of a method range from
    the median of its scores on the category to their 99.9th percentile.  A cell of the picture is
    empty if the run is missing, or was measured on other data than the first run of the category.

    Args:
        path: PNG file to write.
        runs: Runs in the order of the columns.

    Raises:
        InputError: Predictions are damaged, the data are missing, or the file cannot be written.
    """
    rows = list(dict.fromkeys(run.row for run in runs))
    categories = list(dict.fromkeys(run.data.category for run in runs))
    if len(categories) > LINES:
        categories = [categories[i] for i in np.linspace(0, len(categories) - 1, LINES).astype(int)]
    found = [
        _line([run for run in runs if run.data.category == category], rows)
        for category in categories
    ]
    lines = [line for line in found if line is not None]
    if lines:
        save_grid(path, rows, lines=lines)
    return bool(lines)


def _line(runs: Sequence[Scored], rows: Sequence[str]) -> Line | None:
    """Return the picture of one category; None if no test cloud is defective."""
    data = runs[0].data
    test = open_data(data, "test")
    name = ""
    scores: dict[str, np.ndarray] = {}
    limits: dict[str, Limits] = {}
    for run in runs:
        if run.row in scores or _what(run.data) != _what(data):
            continue
        predictions = list(load_predictions(run.predictions))
        name = name or min((p.name for p in predictions if p.abnormal), default="")
        own = next((p for p in predictions if p.name == name), None)
        if own is not None:
            scores[run.row], limits[run.row] = (
                own.score,
                score_limits(*(p.score for p in predictions)),
            )
    if not name:
        return None
    cloud = test[test.names.index(name)]
    return Line(
        title=f"{data.category}: {cloud.defect or 'defective'}".replace("_", " "),
        pos=cloud.pos,
        label=cloud.label,
        scores=[scores.get(row) for row in rows],
        limits=[limits.get(row, (0.0, 1.0)) for row in rows],
    )


def _what(data: DataConfig) -> tuple[str, str | None, str, int]:
    """Return the settings on which the test clouds of a category depend."""
    return data.name, data.root, data.profile, data.seed
