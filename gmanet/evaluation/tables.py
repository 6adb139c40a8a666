"""Figures as tables: of one run to print, of many as Markdown (mean ± deviation) and CSV."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gmanet.evaluation.measure import FIGURES

__all__ = ["Result", "csv_table", "figures_table", "markdown_table"]

TITLES = {
    "object_auroc": "object AUROC",
    "object_aupr": "object AUPR",
    "point_auroc": "point AUROC",
    "point_aupr": "point AUPR",
    "point_aupro": "point AUPRO",
}


@dataclass(frozen=True)
class Result:
    """The figures of one run.

    Args:
        row: The variant.
        category: The part.
        seed: Of the run.
        figures: What ``scores.json`` holds.
    """

    row: str
    category: str
    seed: int
    figures: dict[str, Any]


def _of(results: Sequence[Result], row: str, category: str, figure: str) -> list[float]:
    found = [r.figures.get(figure) for r in results if (r.row, r.category) == (row, category)]
    return [float(value) for value in found if value is not None]


def _mean(results: Sequence[Result], row: str, figure: str) -> tuple[float, float]:
    """Return the macro mean over categories and its deviation over seeds (NaN for one seed)."""
    seeds = sorted({r.seed for r in results if r.row == row})
    per_seed = []
    for seed in seeds:
        values = [r.figures.get(figure) for r in results if (r.row, r.seed) == (row, seed)]
        known = [float(value) for value in values if value is not None]
        if known:
            per_seed.append(statistics.fmean(known))
    if not per_seed:
        return math.nan, math.nan
    spread = statistics.stdev(per_seed) if len(per_seed) > 1 else math.nan
    return statistics.fmean(per_seed), spread


def markdown_table(results: Sequence[Result], figures: Sequence[str] = FIGURES) -> str:
    """Return one table of means and, with several categories, one per figure over them."""
    rows = list(dict.fromkeys(result.row for result in results))
    categories = list(dict.fromkeys(result.category for result in results))
    parts = [_means(results, rows, figures)]
    if len(categories) > 1:
        parts += [_by_category(results, rows, categories, figure) for figure in figures[:4]]
    return "\n\n".join(parts)


def _means(results: Sequence[Result], rows: list[str], figures: Sequence[str]) -> str:
    lines = [
        "| mean over categories | " + " | ".join(TITLES[figure] for figure in figures) + " |",
        "|---|" + "--:|" * len(figures),
    ]
    table = {row: [_mean(results, row, figure) for figure in figures] for row in rows}
    best = [max((table[row][i][0] for row in rows), default=0.0) for i in range(len(figures))]
    for row in rows:
        cells = []
        for place, (mean, spread) in enumerate(table[row]):
            text = f"{mean:.3f}" + ("" if math.isnan(spread) else f" ± {spread:.3f}")
            cells.append(f"**{text}**" if mean == best[place] and len(rows) > 1 else text)
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _by_category(
    results: Sequence[Result], rows: list[str], categories: list[str], figure: str
) -> str:
    lines = [
        f"| {TITLES[figure]} | " + " | ".join(rows) + " |",
        "|---|" + "--:|" * len(rows),
    ]
    for category in categories:
        found = [_of(results, row, category, figure) for row in rows]
        means = [statistics.fmean(values) if values else math.nan for values in found]
        best = max((mean for mean in means if not math.isnan(mean)), default=math.nan)
        cells = [f"**{m:.3f}**" if m == best and len(rows) > 1 else f"{m:.3f}" for m in means]
        lines.append(f"| {category} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def csv_table(results: Sequence[Result]) -> str:
    """Return one line per run."""
    fields = [*FIGURES, "n_clouds", "n_points", "seconds_per_cloud", "peak_memory_mib"]
    lines = [",".join(["row", "category", "seed", *fields])]
    for result in results:
        values = [result.figures.get(field) for field in fields]
        shown = ["" if v is None else f"{v:.6g}" for v in values]
        lines.append(",".join([f'"{result.row}"', result.category, str(result.seed), *shown]))
    return "\n".join(lines) + "\n"


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
