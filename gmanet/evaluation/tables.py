"""Tables of figures: of one run as text, of many runs as Markdown in the form of the paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from gmanet.evaluation.markdown import table
from gmanet.evaluation.measure import FIGURES
from gmanet.evaluation.rescans import CLEAN, RATES
from gmanet.evaluation.results import NOTHING, Mean, Result, mean, mean_figure, rescan_kinds
from gmanet.evaluation.segmentation_table import SEGMENTATION_TITLES

__all__ = ["defect_table", "figures_table", "group_table", "markdown_table", "rescan_table"]

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
    parts = [table("mean over categories", [TITLES[figure] for figure in figures], lines=lines)]
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
    return table(f"{level} AUROC / AUPR", rows, lines=lines)


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
    return table("object AUROC by defect", kinds, lines=lines)


def rescan_table(results: Sequence[Result]) -> str:
    """Return AUROC, false alarms and finds per row and kind of rescan, means over the categories.

    Without rescans the table is empty.
    """
    kinds = rescan_kinds(results)
    if not kinds:
        return ""

    def read(result: Result, kind: str, name: str) -> float | None:
        value = result.figures.get("rescans", {}).get(kind, {}).get(name)
        return None if value is None else float(value)

    rows, count = _unique([r.row for r in results]), len({r.category for r in results})
    lines: dict[str, list[str]] = {row: [] for row in rows}
    for kind in kinds:
        found = {
            row: [
                mean(
                    [r for r in results if r.row == row],
                    partial(read, kind=kind, name=n),
                    count=count,
                )
                for n in RATES
            ]
            for row in rows
        }
        rivals = [auroc for auroc, *_ in found.values()]
        for row, (auroc, *rates) in found.items():
            lines[row].append(" / ".join([auroc.text(rivals), *map(_percent, rates)]))
    title = "object AUROC within / false alarms / finds at the clean limit"
    return table(title, kinds, lines=lines)


def _percent(rate: Mean) -> str:
    return NOTHING if math.isnan(rate.value) else f"{100 * rate.value:.0f} %"


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
    return table("defects", [TITLES[figure] for figure in head], lines=lines)


def figures_table(figures: dict[str, Any]) -> str:
    """Return the figures of all clouds, of each defect kind and of each rescan as aligned text.

    Args:
        figures: Content of ``scores.json``; with rescans, the figures are those of clean clouds.
    """
    rows = [["", "clouds", *TITLES.values()]]
    rows += [
        [
            CLEAN if CLEAN in figures.get("rescans", {}) else "all",
            str(figures["n_clouds"]),
            *_cells(figures),
        ]
    ]
    for kind, part in figures["defects"].items():
        rows.append([kind, str(part["n_clouds"]), *_cells(part)])
    blocks = [_aligned(rows)]
    if set(SEGMENTATION_TITLES) <= set(figures):
        head = ["points", *SEGMENTATION_TITLES.values()]
        blocks.append(_aligned([head, ["pooled", *_cells(figures, list(SEGMENTATION_TITLES))]]))
    if rescans := figures.get("rescans"):
        head = ["rescan", "clouds", "object AUROC", "false alarms", "finds"]
        lines = [
            [kind, str(part["n_good"] + part["n_defective"]), *_cells(part, RATES)]
            for kind, part in rescans.items()
        ]
        blocks.append(_aligned([head, *lines]))
    return "\n\n".join([*blocks, *_at_limit(figures.get("limit"))])


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text with aligned columns and a line below the first."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _at_limit(found: Mapping[str, Any] | None) -> list[str]:
    """Return a sentence on the limit and the shares of clouds above it; none without a limit."""
    if not found:
        return []
    rates = {"good clouds": found["false_alarms"], "defective clouds": found["found"]}
    shown = [
        f"{100 * rate:.3g} % of the {name}" for name, rate in rates.items() if rate is not None
    ]
    return [
        f"limit {found['score']:.4g}: at most {100 * found['promised']:.3g} % of good parts are "
        f"called defective, from {found['normals']} normal scans; of the test clouds, "
        f"{' and '.join(shown) or 'none with a known kind'} are"
    ]


def _cells(figures: dict[str, Any], names: Sequence[str] = FIGURES) -> list[str]:
    values = [figures.get(name) for name in names]
    return ["-" if v is None or math.isnan(v) else f"{v:.3f}" for v in values]
