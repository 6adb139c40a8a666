"""Table of results, one line per file or part, from which an interrupted command resumes."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from gmanet.errors import InputError
from gmanet.runtime.atomic import replacing

__all__ = ["NAMES", "TABLE", "digest", "read_table", "write_table"]

TABLE = "prepare.csv"
"""File name of the table."""

NAMES = "surrogateescape"
"""Error handler that preserves bytes of file names that are no valid UTF-8."""

Line = TypeVar("Line")


def read_table(path: Path, kind: type[Line]) -> list[Line]:
    """Return the lines of an earlier run; empty if the table does not exist.

    Args:
        path: File of the table.
        kind: Dataclass of a line; its fields are the columns, of type ``int``, ``float`` or
            ``str``.

    Raises:
        InputError: The table has other columns, or a value is no number where one is expected.
    """
    if not path.is_file():
        return []
    columns: list[Any] = list(fields(kind))  # type: ignore[arg-type]
    types = {one.name: {"int": int, "float": float}.get(one.type, str) for one in columns}
    needed = {one.name for one in columns if one.default is MISSING} | {"key", "error"}
    with path.open(encoding="utf-8", errors=NAMES, newline="") as file:
        rows = csv.DictReader(file)
        names = rows.fieldnames or []
        # A table of an earlier version may have fewer columns.
        if not needed <= set(names) <= set(types):
            raise InputError(f"{path}: is no table of this command, wanted another folder after -o")
        try:
            return [kind(**{name: types[name](row[name]) for name in names}) for row in rows]
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}, line {rows.line_num}: {error}, wanted a number") from None


def write_table(path: Path, lines: Sequence[Any]) -> None:
    """Write a table.

    Args:
        path: The file to be written or replaced.
        lines: One or more instances of one dataclass, whose fields are the columns.

    Raises:
        InputError: The file cannot be written.
    """
    with replacing(path) as draft, draft.open("w", -1, "utf-8", NAMES, "") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(lines[0]))
        table.writerows(asdict(line).values() for line in lines)


def digest(settings: object, paths: Iterable[Path]) -> str:
    """Return a digest of settings and of the contents of files.

    Args:
        settings: Object whose ``repr`` determines what is done with the files.
        paths: The files.

    Raises:
        OSError: A file cannot be read.
    """
    found = hashlib.sha256(repr(settings).encode())
    for path in paths:
        found.update(b"\0" + str(path.stat().st_size).encode() + b"\0")
        with path.open("rb") as file:
            while block := file.read(2**20):
                found.update(block)
    return found.hexdigest()[:16]
