"""The runs of an experiment as a CSV file with one line per run, stored in the repository."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gmanet.errors import InputError
from gmanet.evaluation.measure import FIGURES
from gmanet.evaluation.rescans import RATES
from gmanet.evaluation.results import Result, rescan_kinds
from gmanet.metrics.segmentation import SEGMENTATION

__all__ = ["csv_table", "read_table"]

HEAD = ("row", "category", "seed")
COUNTS = ("n_clouds", "n_points")
TAIL = ("commit", "overrides")
EARLIER = {"words": "overrides"}
"""Earlier name of a column -> present name."""
KIND = "object_auroc of "
IOU = "iou_abnormal of "
"""Prefixes of the columns of single kinds of defects."""
RESCAN = "rescan "
"""Prefix of the columns of single kinds of rescans, as in ``rescan half: false_alarms``."""


def csv_table(results: Sequence[Result]) -> str:
    """Return a CSV table with one line per run: figures, commit and overrides."""
    kinds = sorted({kind for result in results for kind in result.figures.get("defects", {})})
    rescans = [(kind, name) for kind in rescan_kinds(results) for name in RATES]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    segmented = any(SEGMENTATION[0] in result.figures for result in results)
    figures = (*FIGURES, *(SEGMENTATION if segmented else ()), *COUNTS)
    prefixes = (KIND, IOU) if segmented else (KIND,)
    columns = [prefix + kind for prefix in prefixes for kind in kinds]
    columns += [f"{RESCAN}{k}: {name}" for k, name in rescans]
    writer.writerow([*HEAD, *figures, *columns, *TAIL])
    for result in results:
        defects = result.figures.get("defects", {})
        values = [result.figures.get(name) for name in figures]
        values += [defects.get(kind, {}).get("object_auroc") for kind in kinds]
        if segmented:
            values += [defects.get(kind, {}).get("iou_abnormal") for kind in kinds]
        again = result.figures.get("rescans", {})
        values += [again.get(kind, {}).get(name) for kind, name in rescans]
        shown = ["" if value is None else f"{value:.9g}" for value in values]
        head = [result.row, result.category, str(result.seed)]
        writer.writerow([*head, *shown, result.commit, result.overrides])
    return file.getvalue()


def read_table(path: Path) -> dict[str, Result]:
    """Return overrides -> run for a file that :func:`csv_table` made.

    Raises:
        InputError: The file is missing or is no such table.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file, wanted the table of an earlier report")
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file)
        lines.fieldnames = [EARLIER.get(name, name) for name in lines.fieldnames or ()]
        lacking = sorted({*HEAD, *FIGURES, *TAIL} - set(lines.fieldnames))
        if lacking:
            raise InputError(f"{path}: no column {lacking[0]!r}, wanted the table of a report")
        try:
            return {line["overrides"]: _result(line) for line in lines}
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}, line {lines.line_num}: {error}, wanted numbers") from None


def _result(line: dict[str, str]) -> Result:
    values = {key: float(value) for key, value in line.items() if _numeric(key) and value}
    of_kinds = (KIND, IOU, RESCAN)
    figures: dict[str, Any] = {k: v for k, v in values.items() if not k.startswith(of_kinds)}
    figures["defects"] = {}
    for key, value in values.items():
        for prefix in (KIND, IOU):
            if key.startswith(prefix):
                name = prefix.removesuffix(" of ")
                figures["defects"].setdefault(key.removeprefix(prefix), {})[name] = value
    for key, value in values.items():
        if key.startswith(RESCAN):
            kind, _, name = key.removeprefix(RESCAN).partition(": ")
            figures.setdefault("rescans", {}).setdefault(kind, {})[name] = value
    return Result(
        row=line["row"],
        category=line["category"],
        seed=int(line["seed"]),
        figures=figures,
        commit=line["commit"],
        overrides=line["overrides"],
    )


def _numeric(key: str) -> bool:
    return key in (*FIGURES, *SEGMENTATION, *COUNTS) or key.startswith((KIND, IOU, RESCAN))
