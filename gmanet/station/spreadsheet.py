"""The record of a station as a table for spreadsheets, a copy of the journal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gmanet.runtime.atomic import replacing

__all__ = ["Spreadsheet"]

COLUMNS = (
    *("when", "scan", "file", "verdict", "p_value", "score", "limit", "worst_x", "worst_y"),
    *("worst_z", "points", "seconds", "reason", "sha256", "detector"),
)
"""The columns, named as in the journal; ``worst`` takes three."""


class Spreadsheet:
    """A CSV file with a line for each entry of a journal.

    It is written anew at the start, so that it never differs from the journal for long.

    Args:
        path: The file.
        entries: The entries of the journal; the same object when later ones are added.
    """

    def __init__(self, path: Path, entries: Iterable[Mapping[str, Any]]) -> None:
        self.path, self.entries = path, entries
        self._whole = False

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add a line; the entry is in the journal already.

        Raises:
            OSError, OutputError: The line cannot be written; the next call writes the whole file.
        """
        if not self._whole:
            self.write()
            return
        self._whole = False
        with self.path.open("a", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(_lines([entry]))
        self._whole = True

    def write(self) -> None:
        """Write the whole file.

        Raises:
            OutputError: The file cannot be written.
        """
        with (
            replacing(self.path) as draft,
            draft.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
        ):
            csv.writer(file).writerow(COLUMNS)
            file.write(_lines(self.entries))
        self._whole = True


def _lines(entries: Iterable[Mapping[str, Any]]) -> str:
    """Return lines of CSV; what is unknown is empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    for entry in entries:
        worst = dict(zip(("worst_x", "worst_y", "worst_z"), entry["worst"] or (), strict=False))
        values = {**entry, **worst}
        row = ["" if (value := values.get(name)) is None else value for name in COLUMNS]
        writer.writerow(row)
    return text.getvalue()
