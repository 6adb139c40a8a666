"""``.xyz`` and ``.txt``: one point per line, numbers separated by white space or by commas.

Comments begin with ``#`` or ``//``.  A comment before the numbers may name the columns, such as
``//X Y Z Intensity`` or ``# x,y,z,label``.  The names are used if every column has a name and
``x y z`` are among them; coordinates, normals and labels are then read by name.  Otherwise
3 columns are ``x y z``, 4 ``x y z label``, 6 ``x y z nx ny nz``, 7 ``x y z nx ny nz label``; a last
column without valid labels (``gmanet.formats.labels``) is left out, with a note.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats.columns import Column, as_cloud
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.source import read_bytes
from gmanet.formats.table import parse_table
from gmanet.formats.unmeasured import measured

__all__ = ["count_columns", "first_remark", "named_columns", "read", "read_table", "write"]

COLUMNS = {
    3: ("x", "y", "z"),
    4: ("x", "y", "z", "label"),
    6: ("x", "y", "z", "nx", "ny", "nz"),
    7: ("x", "y", "z", "nx", "ny", "nz", "label"),
}
LAST = {4: "the fourth column", 7: "the seventh column"}
COMMENT = re.compile(rb"(?:#|//)[^\r\n]*")
REMARK = re.compile(rb"\s*(?:#|//)+[ \t]*([^\r\n]*)")
SEPARATOR = re.compile(r"[\s,;]+")
ROW = re.compile(rb"\S[^\r\n]*")
LENGTH = 0.05
"""Largest difference of a normal's length from 1; other values are colors, for example."""
FIRST = 1 << 16
"""Number of bytes in which the first row is searched."""
MARK = b"\xef\xbb\xbf"


def read_table(path: Path) -> npt.NDArray[np.float64]:
    """Return the file's numbers, with shape ``(rows, columns)``.

    Raises:
        InputError: The file is not a table of numbers.
    """
    data = COMMENT.sub(b"", read_bytes(path, path.suffix.lower()).removeprefix(MARK))
    return parse_table(path, data, delimiter=_delimiter(data))


def count_columns(path: Path) -> int:
    """Return the number of columns, that of the values in the first row; 0 without rows.

    Raises:
        InputError: The file cannot be read.
    """
    data = COMMENT.sub(b"", read_bytes(path, path.suffix.lower(), limit=FIRST).removeprefix(MARK))
    row = ROW.search(data)
    return len(row[0].rstrip().split(b"," if _delimiter(data) else None)) if row else 0


def first_remark(path: Path) -> str:
    """Return the first comment before the numbers, in lower case; empty if there is none."""
    return next(iter(_remarks(path)), "")


def named_columns(path: Path, table: npt.NDArray[np.float64]) -> dict[str, Column] | None:
    """Return the columns by their lower-case names from a comment before the numbers.

    None if no comment names every column, ``x y z`` among them.

    Args:
        path: The file.
        table: Numbers of the file, with shape ``(rows, columns)``.
    """
    for remark in _remarks(path):
        for names in (SEPARATOR.split(remark), re.split(r"[,;\t]", remark)):
            found = [name.strip() for name in names if name.strip()]
            if len(found) == table.shape[1] == len(set(found)) and {"x", "y", "z"} <= set(found):
                return dict(zip(found, table.T, strict=True))
    return None


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the file's cloud, not yet checked.

    Args:
        path: The file.
        label_value: Label of abnormal points (``gmanet.formats.labels``).

    Raises:
        InputError: The file is not a table of numbers, has another number of unnamed columns than
            3, 4, 6 or 7, or has no unit normals in the columns of normals.
    """
    table = read_table(path)
    columns = named_columns(path, table)
    if columns is not None:
        return as_cloud(path, columns, label_value=label_value)
    width = table.shape[1]
    if width not in COLUMNS:
        wanted = "3 (x y z), 4 (+ label), 6 (x y z nx ny nz) or 7 (+ label)"
        raise InputError(
            f"{path}: {width} columns, wanted {wanted}, or a first line //X Y Z … that names them"
        )
    if width >= 6:
        _check_normals(path, table)
    columns = dict(zip(COLUMNS[width], table.T, strict=True))
    return as_cloud(path, columns, label_value=label_value, field=LAST.get(width, ""))


def write(path: Path, cloud: Cloud) -> None:
    """Write ``x y z`` and, if known, ``label``; nine digits represent every float32 exactly.

    Coordinates are those of the cloud's source file.  If ``Cloud.origin`` is not zero, they have
    enough digits to represent every double exactly.
    """
    rows, formats = cloud.pos.astype(np.float64), ["%.9g"] * 3
    if any(cloud.origin):
        rows, formats = cloud.positions(), ["%.17g"] * 3
    if cloud.label is not None:
        rows, formats = np.column_stack((rows, cloud.label)), [*formats, "%d"]
    np.savetxt(path, rows, formats)


def _delimiter(data: bytes) -> str | None:
    """Return the separator of the numbers in the first row; None for white space."""
    row = ROW.search(data)
    return "," if row and b"," in row[0] else None


def _check_normals(path: Path, table: npt.NDArray[np.float64]) -> None:
    """Raise an error if columns 4 to 6 of measured points are not unit normals."""
    length = np.linalg.norm(table[:, 3:6], axis=1)
    bad = np.flatnonzero(measured(table[:, :3]).mask & ~(np.abs(length - 1) <= LENGTH))
    if len(bad):
        found = f"columns 4 to 6 of point {bad[0] + 1} have length {length[bad[0]]:.3g}"
        raise InputError(f"{path}: {found}, wanted unit normals")


def _remarks(path: Path) -> list[str]:
    """Return the comments before the numbers, in lower case."""
    data = read_bytes(path, path.suffix.lower()).removeprefix(MARK)
    remarks, at = [], 0
    while found := REMARK.match(data, at):
        remarks.append(found[1].decode("latin-1").lower().strip())
        at = found.end()
    return [remark for remark in remarks if remark]
