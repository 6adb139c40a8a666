"""The figures of a run as a table to print."""

from __future__ import annotations

import math
from typing import Any

from gmanet.evaluation.measure import FIGURES

__all__ = ["figures_table"]


def figures_table(figures: dict[str, Any]) -> str:
    """Return the figures of all clouds and of each defect kind as aligned text."""
    heads = [name.replace("_", " ").replace("au", "AU").replace("roc", "ROC") for name in FIGURES]
    heads = [head.replace("AUpro", "AUPRO").replace("AUpr", "AUPR") for head in heads]
    rows = [["", "clouds", *heads]]
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
