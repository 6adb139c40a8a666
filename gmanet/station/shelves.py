"""The folder of what was judged: the journal, the table, and the scans by verdict."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gmanet.inspection.judged import hash_file
from gmanet.inspection.record import EXIT_CODES
from gmanet.runtime.atomic import replacing
from gmanet.station.arrivals import Stamp, stamp_of
from gmanet.station.journal import Journal
from gmanet.station.spreadsheet import Spreadsheet

__all__ = ["Shelves"]

JOURNAL, TABLE = "record.jsonl", "record.csv"
"""Names of the journal and of the table."""


class Shelves:
    """What was judged, and where each scan is now.

    Args:
        folder: The folder; a missing one is made.
        incoming: Folder from which judged scans are moved; None if they stay.

    Raises:
        InputError: The folder cannot be used.
    """

    def __init__(self, folder: Path, incoming: Path | None) -> None:
        self.folder, self.incoming = folder, incoming
        self.journal = Journal(folder / JOURNAL)
        self.table = Spreadsheet(folder / TABLE, self.journal)
        self._names = {Path(entry["name"]).stem.lower() for entry in self.journal}
        self._unmoved = [entry for entry in self.journal if self._is_unmoved(entry)]
        waiting = self.journal if incoming is None else self._unmoved
        self._known = {_key(entry) for entry in waiting}

    def has(self, path: Path, stamp: Stamp) -> bool:
        """Return whether a file was judged: one that stays, or one that is still to be moved."""
        return (path.name, stamp[0], stamp[1]) in self._known

    def name(self, path: Path) -> str:
        """Return the name of a file among the judged ones, such as ``part_2.ply``.

        No earlier scan has its name, whatever the endings.
        """
        stem, number = path.stem, 1
        while stem.lower() in self._names or self._is_taken(f"{stem}{path.suffix}"):
            number += 1
            stem = f"{path.stem}_{number}"
        return f"{stem}{path.suffix}"

    def enter(self, entry: Mapping[str, Any]) -> None:
        """Record a judged scan, and move it.

        Args:
            entry: Line of the journal, with ``scan``, ``name``, ``bytes``, ``changed``,
                ``sha256`` and ``verdict``.

        Raises:
            OSError, OutputError: The scan is not recorded, or not moved yet.
        """
        shelf = _shelf(entry["verdict"])
        file = "" if self.incoming is None else f"{shelf}/{entry['name']}"
        made = {**entry, "file": file}
        self.journal.append(made)
        self._names.add(Path(made["name"]).stem.lower())
        self._known.add(_key(made))
        if self.incoming is not None:
            self._unmoved.append(made)
        self.move_all()
        self.table.add(made)

    def move_all(self) -> None:
        """Move the scans that are judged.

        Raises:
            OSError, OutputError: A scan cannot be moved now.
        """
        while self._unmoved and self.incoming is not None:
            entry = self._unmoved[0]
            source = self.incoming / entry["scan"]
            if _is_of(entry, source):
                _move(source, self.folder / entry["file"])
            self._known.discard(_key(entry))
            self._unmoved.pop(0)

    def _is_taken(self, name: str) -> bool:
        """Return whether a file that is no judged scan has the name."""
        return any((self.folder / _shelf(verdict) / name).exists() for verdict in EXIT_CODES)

    def _is_unmoved(self, entry: Mapping[str, Any]) -> bool:
        """Return whether an earlier process ended before it moved this scan."""
        if self.incoming is None or not entry["file"]:
            return False
        source, target = self.incoming / entry["scan"], self.folder / entry["file"]
        if not _is_of(entry, source):
            return False
        if target.exists() and target.stat().st_dev == source.stat().st_dev:
            return False  # the scan was moved, and this is another one
        with suppress(OSError):
            return not entry["sha256"] or hash_file(source) == entry["sha256"]
        return False


def _shelf(verdict: str) -> str:
    """Return the name of the folder of the scans with a verdict."""
    return verdict.replace(" ", "-")


def _key(entry: Mapping[str, Any]) -> tuple[str, int, int]:
    return entry["scan"], entry["bytes"], entry["changed"]


def _is_of(entry: Mapping[str, Any], path: Path) -> bool:
    """Return whether a file is there and, by size and time of change, the one that was judged."""
    stamp = stamp_of(path)
    return stamp is not None and stamp[:2] == (entry["bytes"], entry["changed"])


def _move(source: Path, target: Path) -> None:
    """Move a file, to another file system by a copy that is whole before the file is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with replacing(target) as draft:
            shutil.copy2(source, draft)
        source.unlink()
