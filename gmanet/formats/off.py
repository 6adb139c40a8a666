"""``.off`` (Object File Format) in text: the vertices are the points.

Faces only tell CAD models from scans.  Normals of ``NOFF`` are read, colors (``COFF``) are not.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud, Indices
from gmanet.errors import InputError
from gmanet.formats.columns import assemble
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.mesh import refuse_cad
from gmanet.formats.source import quote, read_bytes
from gmanet.formats.table import parse_table

__all__ = ["read"]

KEYWORD = re.compile(rb"(?:ST)?(C)?(N)?OFF[ \t]*(BINARY)?", re.I)
COMMENT = re.compile(rb"#[^\n]*")
WHOLE = re.compile(rb"\d{1,15}")


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the cloud of all vertices in the order of the file, not yet checked.

    Args:
        path: The file.
        label_value: Ignored, since OFF files have no labels.

    Raises:
        InputError: The file is no OFF file in text, or lacks declared vertices or faces, or is a
            CAD model.
    """
    data = COMMENT.sub(b"", read_bytes(path, ".off").replace(b"\r\n", b"\n"))
    found = KEYWORD.match(data.lstrip())
    if found is None or found[3] or b"\0" in data:
        kind = "is binary" if found else f"begins with {quote(data.lstrip()[:20])}"
        raise InputError(f"{path}: {kind}, wanted an OFF file in text")
    start = len(data) - len(data.lstrip()) + found.end()
    first = data.count(b"\n", 0, start) + 1
    lines = [(first + i, row) for i, row in enumerate(data[start:].split(b"\n")) if row.strip()]
    counts = lines[0][1].split() if lines else []
    if len(counts) not in (2, 3) or not all(map(WHOLE.fullmatch, counts)):
        raise InputError(f"{path}: no line with the numbers of vertices, faces and edges")
    points, faces = int(counts[0]), int(counts[1])
    if len(lines) - 1 != points + faces or points == 0:
        promised = f"{points} vertices and {faces} faces promised"
        raise InputError(f"{path}: {promised}, found {len(lines) - 1} lines")
    rows = b"\n".join(row for _, row in lines[1 : points + 1])
    table = parse_table(path, rows, line=lines[1][0])
    if table.shape[1] < (6 if found[2] else 3):
        raise InputError(f"{path}: {table.shape[1]} numbers in a vertex, wanted x y z")
    pos = table[:, :3]
    refuse_cad(path, pos, _triangles(path, lines[points + 1 :], count=points))
    return assemble(path, pos, normal=table[:, 3:6] if found[2] else None)


def _triangles(path: Path, lines: list[tuple[int, bytes]], *, count: int) -> Indices:
    """Return the faces as triangles."""
    triangles: list[tuple[int, int, int]] = []
    for number, row in lines:
        words = row.split()
        corners = words[1 : int(words[0]) + 1] if WHOLE.fullmatch(words[0]) else []
        at = [int(one) for one in corners if WHOLE.fullmatch(one)]
        if not at or len(at) != int(words[0]) or max(at) >= count:
            found = f"line {number} is {quote(row.strip())}"
            raise InputError(f"{path}: {found}, wanted a face of vertices 0 to {count - 1}")
        triangles += [(at[0], at[i], at[i + 1]) for i in range(1, len(at) - 1)]
    return np.array(triangles, np.int64).reshape(-1, 3)
