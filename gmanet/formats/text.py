"""``.xyz``, ``.txt``, ``.asc``, ``.csv`` and ``.pts``: one point per line.

``gmanet.formats.dialect`` describes how numbers may be written and what may precede them.  A
comment or a line of words before the numbers may name the columns, such as ``//X Y Z Intensity`` or
``x;y;z;label`` (``gmanet.formats.names``).  The names are used if every column has a name and
``x y z`` are among them; coordinates, normals and labels are then read by name.  Otherwise the
values decide (``gmanet.formats.roles``), and a note of the cloud says how.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud, Doubles
from gmanet.errors import InputError
from gmanet.formats.columns import Column, as_cloud
from gmanet.formats.dialect import Head, plain_numbers, plain_text, split_head
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.names import matching_names
from gmanet.formats.roles import by_values
from gmanet.formats.source import quote, read_bytes
from gmanet.formats.table import parse_table

__all__ = ["Sheet", "count_columns", "from_table", "read", "read_sheet", "read_table", "write"]

FIRST = 1 << 16
"""Number of bytes in which the first row is searched."""
RASTER = ("ncols", "nrows", "xllcorner", "cellsize")
"""Words that begin a grid of heights (ESRI)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Sheet:
    """Contents of a table in text.

    Args:
        table: Numbers, with shape ``(rows, columns)``.
        head: What precedes the numbers.
    """

    table: Doubles
    head: Head

    @property
    def remark(self) -> str:
        """The first comment or line of words, in lower case; empty without one."""
        return next(iter(self.head.remarks), "").lower()

    @property
    def named(self) -> dict[str, Column] | None:
        """The columns by their lower-case names; None if no line names them all, x y z among them.

        Other usual spellings of coordinates and normals become ``x y z`` and ``nx ny nz``.
        """
        names = matching_names(self.head.remarks, self.table.shape[1])
        return None if names is None else dict(zip(names, self.table.T, strict=True))


def read_sheet(path: Path) -> Sheet:
    """Return the contents of a table in text.

    Raises:
        InputError: The file is not a table of numbers, or has another number of rows than a line of
            its own declares.
    """
    data = plain_text(read_bytes(path, path.suffix.lower()))
    head = split_head(data)
    if head.words and head.words[0].lower().split()[0] in RASTER:
        raise InputError(f"{path}: is a grid of heights, wanted it saved as points x y z")
    rows, delimiter = plain_numbers(path, data[head.offset :])
    line = head.lines + 1 if rows.strip() else 1
    table = parse_table(path, rows, line=line, delimiter=delimiter)
    if head.promised is not None and head.promised != len(table):
        found = f"a line before the points promises {head.promised} points, found {len(table)}"
        raise InputError(f"{path}: {found}")
    return Sheet(table=table, head=head)


def read_table(path: Path) -> Doubles:
    """Return the file's numbers, with shape ``(rows, columns)``.

    Raises:
        InputError: The file is not a table of numbers.
    """
    return read_sheet(path).table


def count_columns(path: Path) -> int:
    """Return the number of columns, that of the values in the first row; 0 without rows.

    Raises:
        InputError: The file cannot be read.
    """
    data = plain_text(read_bytes(path, path.suffix.lower(), limit=FIRST))
    rows, delimiter = plain_numbers(path, data[split_head(data).offset :])
    first = next((row for row in rows.splitlines() if row.strip()), b"")
    return len(first.strip().split(delimiter.encode() if delimiter else None)) if first else 0


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the file's cloud, not yet checked.

    Args:
        path: The file.
        label_value: Label of abnormal points (``gmanet.formats.labels``).

    Raises:
        InputError: The file is not a table of numbers, or no three columns are coordinates.
    """
    sheet = read_sheet(path)
    columns, width = sheet.named, sheet.table.shape[1]
    if columns is not None:
        return as_cloud(path, columns, label_value=label_value)
    for line in sheet.head.words:
        if len(matched := line.replace(";", " ").replace(",", " ").split()) == width > 1:
            found = f"the columns are {quote(' '.join(matched))}"
            raise InputError(f"{path}: {found}, wanted x y z among them")
    return from_table(path, sheet.table, label_value=label_value)


def from_table(path: Path, table: Doubles, *, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the cloud of a table without names, not yet checked.

    Args:
        path: Source file, named in errors and notes.
        table: Numbers, with shape ``(rows, columns)``.
        label_value: Label of abnormal points in the file.

    Raises:
        InputError: There are fewer than three columns, or coordinates are not the first three.
    """
    columns, field, guess = by_values(path, table, label_value=label_value)
    cloud = as_cloud(path, columns, label_value=label_value, field=field)
    return cloud.replace(notes=(*cloud.notes, f"{path}: {guess}")) if guess else cloud


def write(path: Path, cloud: Cloud) -> None:
    """Write ``x y z`` and, if known, ``label`` below a line with these names.

    Coordinates are those of the cloud's source file.  Nine digits represent every float32 exactly;
    if ``Cloud.origin`` is not zero, they have enough digits to represent every double exactly.
    The names begin a comment; in ``.csv`` they are plain, and commas separate the numbers.
    """
    rows, formats, names = cloud.pos.astype(np.float64), ["%.9g"] * 3, "x y z"
    if any(cloud.origin):
        rows, formats = cloud.positions(), ["%.17g"] * 3
    if cloud.label is not None:
        rows, formats = np.column_stack((rows, cloud.label)), [*formats, "%d"]
        names = "x y z label"
    comma = path.suffix.lower() == ".csv"
    head = names.replace(" ", ",") if comma else f"# {names}" * (cloud.label is not None)
    with path.open("w", encoding="ascii") as file:
        file.write(f"{head}\n" if head else "")
        np.savetxt(file, rows, formats, delimiter="," if comma else " ")
