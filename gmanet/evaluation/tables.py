"""Tables of figures: of one run as text, of many runs as Markdown in the form of the paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from gmanet.evaluation.measure import FIGURES
from gmanet.evaluation.results import NOTHING, Mean, Result, mean, mean_figure

__all__ = ["defect_table", "figures_table", "group_table", "markdown_table"]

TITLES = {
    "object_auroc": "object AUROC",
    "object_aupr": "object AUPR",
    "point_auroc": "point AUROC",
    "point_aupr": "point AUPR",
    "point_aupro": "point AUPRO",
}
LEVELS = ("object", "point")
"""Levels of Tables IV (object) and V (point)."""


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _table(first: str, head: Sequence[str], *, lines: Mapping[str, Sequence[str]]) -> str:
    rule = "|---|" + "--:|" * len(head)
    body = [f"| {' | '.join([name, *cells])} |" for name, cells in lines.items()]
    return "\n".join([f"| {' | '.join([first, *head])} |", rule, *body])


def markdown_table(results: Sequence[Result], figures: Sequence[str] = FIGURES) -> str:
    """Return a table of means and, for several categories or with paper figures, Tables IV and V.

    Args:
        results: All runs of an experiment.
        figures: Columns of the first table.
    """
    rows, categories = _unique([r.row for r in results]), _unique([r.category for r in results])
    values = {
        row: [
            mean_figure([r for r in results if r.row == row], figure, count=len(categories))
            for figure in figures
        ]
        for row in rows
    }
    columns = list(zip(*values.values(), strict=True))
    lines: dict[str, Sequence[str]] = {
        row: [value.text(column) for value, column in zip(cells, columns, strict=True)]
        for row, cells in values.items()
    }
    parts = [_table("mean over categories", [TITLES[figure] for figure in figures], lines=lines)]
    if len(categories) > 1 or any(result.published for result in results):
        parts += [_level(results, rows, categories=categories, level=level) for level in LEVELS]
    if any(value.endswith("(some)") for cells in lines.values() for value in cells):
        parts.append("(some): some categories are missing; not to be compared with the other rows.")
    return "\n\n".join(parts)


def _level(results: Sequence[Result], rows: list[str], *, categories: list[str], level: str) -> str:
    """Return Table IV or V: a line per category and their mean, ``AUROC / AUPR`` per method."""
    names = (f"{level}_auroc", f"{level}_aupr")
    lines: dict[str, Sequence[str]] = {}
    for title, chosen in [*((one, [one]) for one in categories), ("mean", categories)]:
        found = [r for r in results if r.category in chosen]
        pairs = [
            [
                mean_figure([r for r in found if r.row == row], name, count=len(chosen))
                for name in names
            ]
            for row in rows
        ]
        rivals = list(zip(*pairs, strict=True))
        lines[title] = [_cell(pair, rivals) for pair in pairs]
    return _table(f"{level} AUROC / AUPR", rows, lines=lines)


def _cell(pair: Sequence[Mean], rivals: Sequence[Sequence[Mean]]) -> str:
    ours = " / ".join(value.text(column) for value, column in zip(pair, rivals, strict=True))
    if all(math.isnan(value.paper) for value in pair):
        return ours
    paper = [NOTHING if math.isnan(v.paper) else f"{v.paper:.3f}" for v in pair]
    return f"{ours} (paper: {' / '.join(paper)})"


def defect_table(results: Sequence[Result]) -> str:
    """Return a table of object AUROC by row and kind of defect, empty without such kinds.

    The figures compare clouds of one kind with all good clouds, and are means over the categories
    that have this kind.
    """

    def read(result: Result, kind: str) -> float | None:
        figures = result.figures.get("defects", {}).get(kind, {})
        value = figures.get("object_auroc")
        return None if value is None else float(value)

    kinds = sorted({kind for r in results for kind in r.figures.get("defects", {})})
    if not kinds:
        return ""
    rows = _unique([result.row for result in results])
    columns = []
    for kind in kinds:
        count = len({r.category for r in results if read(r, kind) is not None})
        columns.append(
            [
                mean([r for r in results if r.row == row], partial(read, kind=kind), count=count)
                for row in rows
            ]
        )
    lines = {
        row: [column[place].text(column) for column in columns] for place, row in enumerate(rows)
    }
    return _table("object AUROC by defect", kinds, lines=lines)


def group_table(results: Sequence[Result]) -> str:
    """Return figures of similar, other and all kinds of defects (Table IX), empty without groups.

    The figures are means over the categories that have such kinds.
    """
    groups = [{"all": r.figures, **r.figures.get("groups", {})} for r in results]
    names = [name for name in ("similar", "other", "all") if any(name in one for one in groups)]
    if names == ["all"] or not names:
        return ""
    lines, head = {}, list(FIGURES[:4])
    for name in names:
        part = [
            replace(r, figures=one[name])
            for r, one in zip(results, groups, strict=True)
            if name in one
        ]
        count = len({r.category for r in part})
        for row in _unique([r.row for r in part]):
            own = [r for r in part if r.row == row]
            means = [mean_figure(own, figure, count=count) for figure in head]
            lines[f"{row}, {name} kinds"] = [value.text([value]) for value in means]
    return _table("defects", [TITLES[figure] for figure in head], lines=lines)


def figures_table(figures: dict[str, Any]) -> str:
    """Return the figures of all clouds and of each defect kind as aligned text."""
    rows = [["", "clouds", *TITLES.values()]]
    rows += [["all", str(figures["n_clouds"]), *_cells(figures)]]
    for kind, part in figures["defects"].items():
        rows.append([kind, str(part["n_clouds"]), *_cells(part)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _cells(figures: dict[str, Any]) -> list[str]:
    values = [figures.get(name) for name in FIGURES]
    return ["-" if v is None or math.isnan(v) else f"{v:.3f}" for v in values]
