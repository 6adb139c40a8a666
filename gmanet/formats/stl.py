"""``.stl``, triangles in text or binary; the cloud consists of their distinct corners."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats.centering import centered
from gmanet.formats.columns import Column, assemble
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.source import read_bytes
from gmanet.formats.table import parse_table

__all__ = ["read"]

HEADER, COUNT = 80, 4
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corner", "<f4", (3, 3)), ("attribute", "<u2")])
TEXT = re.compile(rb"\s*solid\b[^\n]*\n\s*(?:facet|endsolid)\b")
WORDS = (b"", b"solid", b"facet", b"outer", b"endloop", b"endsolid")
END = re.compile(rb"\bendsolid\b[^\n]*\s*\Z")


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the cloud of distinct corners, in order of first appearance; not yet checked.

    Args:
        path: The file.
        label_value: Ignored, since STL files have no labels.

    Raises:
        InputError: The file is not an STL file, is empty, or lacks declared triangles.
    """
    data = read_bytes(path, ".stl")
    corners = _from_text(path, data) if TEXT.match(data) else _from_records(path, data)
    plain = centered(corners)[0] + np.float32(0)  # turns minus zero into zero
    first = np.unique(plain, axis=0, return_index=True)[1]
    return assemble(path, corners[np.sort(first)]).replace(rows=None, file_points=0)


def _from_records(path: Path, data: bytes) -> Column:
    if len(data) < HEADER + COUNT:
        raise InputError(f"{path}: {len(data)} bytes, wanted the header of an STL file")
    count = struct.unpack_from("<I", data, HEADER)[0]
    found = len(data) - HEADER - COUNT
    if count == 0 or found != count * TRIANGLE.itemsize:
        wanted = f"{count} triangles promised, found {found / TRIANGLE.itemsize:.9g}"
        raise InputError(f"{path}: {wanted}")
    triangles = np.frombuffer(data, TRIANGLE, count, HEADER + COUNT)
    return np.ascontiguousarray(triangles["corner"], np.float64).reshape(-1, 3)


def _from_text(path: Path, data: bytes) -> Column:
    """Return the coordinates of the lines ``vertex x y z``; other lines must be STL keywords."""
    rows, facets = [], 0
    for number, line in enumerate(data.splitlines(), 1):
        words = line.split(None, 1)
        match words[0] if words else b"":
            case b"vertex":
                rows.append(words[1] if len(words) == 2 else b"")
            case b"endfacet":
                facets += 1
            case word if word not in WORDS:
                raise InputError(f"{path}: line {number} is no line of an STL file")
    if facets == 0 or len(rows) != 3 * facets or not END.search(data):
        found = f"{len(rows)} corners for {facets} triangles"
        raise InputError(f"{path}: {found}, wanted three each and endsolid at the end")
    return parse_table(path, b"\n".join(rows), width=3)
