"""What the paper's Tables IV and V say of a method on a category of IEC3D-AD."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

from gmanet.datasets.config import DataConfig
from gmanet.evaluation.measure import Figures

__all__ = ["published"]

FILE = Path(__file__).with_name("paper_iec3d.csv")


def published(row: str, data: DataConfig) -> Figures:
    """Return the paper's figures of a variant and a category; none where the paper has none.

    Only IEC3D-AD counts, with a category spelt as its folder (``HexagonalNut``): parts of another
    origin that lie in the same layout are not the paper's.

    Args:
        row: The variant's name; one with a column of the paper's is spelt like it, save for
            blanks, hyphens, brackets and capitals: ``M3DM (PointMAE)``.
        data: What the run was measured on.
    """
    if data.name != "iec3d":
        return {}
    return _paper().get((data.category, _key(row)), {})


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
