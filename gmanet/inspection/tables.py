"""Tables of a batch of scans: CSV and JSON."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gmanet.inspection.record import EXIT_CODES, Inspection
from gmanet.runtime.atomic import replacing

__all__ = ["summary", "write_csv", "write_json"]


def write_csv(path: Path, inspections: Sequence[Inspection]) -> None:
    """Write a line for each scan (``Inspection.row``), with empty fields for what is unknown.

    Args:
        path: The file; an existing one is replaced.
        inspections: What was found about each scan, at least one.

    Raises:
        OutputError: The file cannot be written.
    """
    rows = [one.row() for one in inspections]
    with (
        replacing(path) as draft,
        draft.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({key: _field(value) for key, value in row.items()} for row in rows)


def write_json(path: Path, inspections: Sequence[Inspection]) -> None:
    """Write a list with an object for each scan (``Inspection.state``).

    Args:
        path: The file; an existing one is replaced.
        inspections: What was found about each scan.

    Raises:
        OutputError: The file cannot be written.
    """
    whole = [one.state() for one in inspections]
    with replacing(path) as draft:
        text = json.dumps(whole, indent=2, allow_nan=False)
        draft.write_text(text + "\n", encoding="utf-8")


def summary(inspections: Sequence[Inspection]) -> str:
    """Return how many scans have each verdict, for people.

    Args:
        inspections: What was found about each scan.
    """
    counts = Counter(one.verdict for one in inspections)
    parts = [f"{counts[verdict]} {verdict}" for verdict in EXIT_CODES if counts[verdict]]
    return f"{len(inspections)} scans: {', '.join(parts)}"


def _field(value: Any) -> Any:
    return "" if isinstance(value, float) and math.isnan(value) else value
