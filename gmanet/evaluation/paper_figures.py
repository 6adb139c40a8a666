"""Figures of the paper: Tables IV and V by method and category, Table X by supervised method."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

from gmanet.datasets.config import DataConfig
from gmanet.evaluation.measure import Figures

__all__ = ["published", "published_segmentation"]

FILE = Path(__file__).with_name("paper_iec3d.csv")
SUPERVISED = Path(__file__).with_name("paper_supervised.csv")


def published(row: str, data: DataConfig) -> Figures:
    """Return the paper's figures of a variant on a category; empty where the paper has none.

    Only categories of IEC3D-AD have figures, under the names of their folders (``HexagonalNut``).

    Args:
        row: Name of the variant; it is compared with the paper's columns regardless of blanks,
            hyphens, brackets and capitals: ``M3DM (PointMAE)``.
        data: Configuration of the data that the run was measured on.
    """
    if data.name != "iec3d":
        return {}
    return _paper().get((data.category, _key(row)), {})


def published_segmentation(row: str) -> Figures:
    """Return the figures of a supervised method in Table X, on IEC3D-AD; empty for other methods.

    Args:
        row: Name of the variant, compared as by :func:`published`; brackets at its end, with
            further settings, do not count.
    """
    return _table_x().get(_key(row.partition("(")[0]), {})


@cache
def _table_x() -> dict[str, Figures]:
    with SUPERVISED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {
        _key(row.pop("method")): {figure: float(value) for figure, value in row.items()}
        for row in rows
    }


@cache
def _paper() -> dict[tuple[str, str], Figures]:
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {
        (row.pop("category"), _key(row.pop("method"))): {
            figure: float(value) for figure, value in row.items() if value
        }
        for row in rows
    }


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
