"""A table of results by file or part, from which a later run resumes."""

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

NAMES = "surrogateescape"
"""How bytes in a file's name that are no UTF-8 are written and read, as they are."""

Line = TypeVar("Line")


def read_table(path: Path, kind: type[Line]) -> list[Line]:
    """Return the lines of an earlier run; none where there is no such table.

    Args:
        path: The table.
        kind: A dataclass whose fields are columns; the type of its defaults is theirs.

    Raises:
        InputError: It has other columns, or text where a number belongs.
    """
    if not path.is_file():
        return []
    columns: list[Any] = list(fields(kind))  # type: ignore[arg-type]
    types = {one.name: {"int": int, "float": float}.get(one.type, str) for one in columns}
    needed = {one.name for one in columns if one.default is MISSING} | {"key", "error"}
    with path.open(encoding="utf-8", errors=NAMES, newline="") as file:
        rows = csv.DictReader(file)
        names = rows.fieldnames or []
        # Of an earlier version there may be fewer columns.
        if not needed <= set(names) <= set(types):
            raise InputError(f"{path}: is no table of this command, wanted another folder after -o")
        try:
            return [kind(**{name: types[name](row[name]) for name in names}) for row in rows]
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}, line {rows.line_num}: {error}, wanted a number") from None


def write_table(path: Path, lines: Sequence[Any]) -> None:
    """Write one or more lines, fields in their order."""
    with replacing(path) as draft, draft.open("w", -1, "utf-8", NAMES, "") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(lines[0]))
        table.writerows(asdict(line).values() for line in lines)


def digest(settings: object, paths: Iterable[Path]) -> str:
    """Return a name for the contents of some files and for what is done with them.

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
