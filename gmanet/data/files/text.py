"""``.xyz`` and ``.txt``: one point per line, numbers separated by white space or by commas.

3 columns are ``x y z``, 4 ``x y z label``, 6 ``x y z nx ny nz``, 7 ``x y z nx ny nz label``.
Comments begin with ``#`` or ``//``.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud
from gmanet.data.files.columns import as_cloud
from gmanet.data.files.source import read_bytes
from gmanet.data.files.table import parse_table
from gmanet.errors import InputError

__all__ = ["read", "read_table", "write"]

COLUMNS = {
    3: ("x", "y", "z"),
    4: ("x", "y", "z", "label"),
    6: ("x", "y", "z", "nx", "ny", "nz"),
    7: ("x", "y", "z", "nx", "ny", "nz", "label"),
}
COMMENT = re.compile(rb"(?:#|//)[^\r\n]*")
ROW = re.compile(rb"\S[^\r\n]*")
LENGTH = 0.05
"""Normals this far from length 1 are something else, colors for example."""


def read_table(path: Path) -> npt.NDArray[np.float64]:
    """Return the file's numbers, with shape ``(rows, columns)``.

    Raises:
        InputError: The file is not a table of numbers.
    """
    data = COMMENT.sub(b"", read_bytes(path, path.suffix.lower()).removeprefix(b"\xef\xbb\xbf"))
    row = ROW.search(data)
    return parse_table(path, data, delimiter="," if row and b"," in row[0] else None)


def read(path: Path) -> Cloud:
    """Return the file's cloud, not yet checked.

    Raises:
        InputError: The file is not a table of numbers with 3, 4, 6 or 7 columns, a label is not a
            whole number, or the columns of the normals hold something else.
    """
    table = read_table(path)
    width = table.shape[1]
    if width not in COLUMNS:
        wanted = "3 (x y z), 4 (+ label), 6 (x y z nx ny nz) or 7 (+ label)"
        raise InputError(f"{path}: {width} columns, wanted {wanted}")
    if width >= 6:
        length = np.linalg.norm(table[:, 3:6], axis=1)
        bad = np.flatnonzero(~(np.abs(length - 1) <= LENGTH))
        if len(bad):
            found = f"columns 4 to 6 of point {bad[0] + 1} have length {length[bad[0]]:.3g}"
            raise InputError(f"{path}: {found}, wanted unit normals")
    return as_cloud(path, dict(zip(COLUMNS[width], table.T, strict=True)))


def write(path: Path, cloud: Cloud) -> None:
    """Write ``x y z`` and, where it is known, ``label``; nine digits tell all floats apart."""
    rows, formats = cloud.pos.astype(np.float64), ["%.9g"] * 3
    if cloud.label is not None:
        rows, formats = np.column_stack((rows, cloud.label)), [*formats, "%d"]
    np.savetxt(path, rows, formats)
