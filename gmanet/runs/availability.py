"""Availability of the data of an experiment: published data sets are not part of the project."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gmanet.config.compose import compose
from gmanet.datasets.catalog import PUBLISHED
from gmanet.datasets.config import DataConfig
from gmanet.errors import InputError
from gmanet.runs.experiment import Cell

__all__ = ["with_data"]


def with_data(cells: Sequence[Cell], overrides: Sequence[str]) -> tuple[list[Cell], list[str]]:
    """Return the cells whose data set is available, and advice on each missing data set.

    Args:
        cells: Cells to be run.
        overrides: Further overrides of every cell.

    Raises:
        InputError: No cell has its data, or a folder that was named is missing.
    """
    kept, lacking = [], {}
    known: dict[tuple[str, ...], DataConfig] = {}
    for cell in cells:
        every = (*cell.overrides, *overrides)
        typed = tuple(text for text in every if text.startswith(("data=", "data.root=")))
        if typed not in known:
            known[typed] = compose(typed).data
        data = known[typed]
        if data.name not in PUBLISHED or data.root is None or Path(data.root).is_dir():
            kept.append(cell)
            continue
        variable = f"{data.name.upper()}_ROOT"
        if len(typed) > 1 or variable in os.environ:
            PUBLISHED[data.name].folders(Path(data.root))  # says what is wanted
        lacking[data.name] = _wanted(variable, data)
    if lacking and not kept:
        raise InputError(f"none of the data sets is at hand: {'; '.join(lacking.values())}")
    return kept, list(lacking.values())


def _wanted(variable: str, data: DataConfig) -> str:
    loader = PUBLISHED[data.name]
    return f"set {variable} to the folder of {loader.source} (there is no {data.root})"
