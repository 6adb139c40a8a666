"""The journal of a station: a line of JSON for each judged scan, which survives kills.

A line is appended and flushed to the disk as a whole.  What a killed process or a full disk left of
a line is cut off, so that the scan counts as not judged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from gmanet.errors import InputError

__all__ = ["Journal"]


class Journal:
    """The lines of a file, checked at the start and appended one by one.

    Only one process may have a journal open.  The entries are read from the file when they are
    asked for, so that a long record takes no memory.

    Args:
        path: The file, made with the first line.

    Raises:
        InputError: The file cannot be used, or holds other lines.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._mend()
            for number, line in enumerate(self._lines(), 1):
                self._entry(line, number)
        except OSError as error:
            raise InputError(f"{path}: cannot be used ({error.strerror or error})") from None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self._entry(line, number) for number, line in enumerate(self._lines(), 1))

    def append(self, entry: Mapping[str, Any]) -> None:
        """Append one entry, and return after it is on the disk.

        Args:
            entry: Plain values of JSON.

        Raises:
            OSError: The entry cannot be written; the file is as before.
        """
        line = json.dumps(entry, allow_nan=False).encode() + b"\n"
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            length = os.lseek(file, 0, os.SEEK_END)
            try:
                _write(file, line)
                os.fsync(file)
            except OSError:
                os.ftruncate(file, length)
                raise
        finally:
            os.close(file)

    def _lines(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            yield from file

    def _mend(self) -> None:
        """Make a missing file, and cut off what a killed process left of a line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            whole = length = file.seek(0, os.SEEK_END)
            while whole and _byte(file, whole - 1) != b"\n":
                whole -= 1
            if whole < length:
                file.truncate(whole)
                os.fsync(file.fileno())

    def _entry(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            raise InputError(
                f"{self.path}: line {number} is no entry of a journal, wanted one that gmanet "
                "watch wrote, or another folder"
            )
        return entry


def _byte(file: IO[bytes], place: int) -> bytes:
    file.seek(place)
    return file.read(1)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
