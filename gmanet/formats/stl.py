"""``.stl``, triangles in text or binary; the cloud consists of their distinct corners.

Text may be in capitals and end with ``end solid``.  Bytes after the triangles of a binary file are
left out with a note, if the triangles have the normals that the file says.
"""

from __future__ import annotations

import codecs
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats.centering import centered
from gmanet.formats.columns import Column, assemble
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.mesh import refuse_cad
from gmanet.formats.source import read_bytes
from gmanet.formats.table import parse_table

__all__ = ["read"]

HEADER, COUNT = 80, 4
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corner", "<f4", (3, 3)), ("attribute", "<u2")])
TEXT = re.compile(rb"\s*solid\b[^\n]*\n\s*(?:facet|end\s?solid)\b", re.I)
WORDS = (b"", b"solid", b"facet", b"outer", b"endloop", b"endsolid", b"end", b"color")
END = re.compile(rb"\bend[ \t]?solid\b[^\n]*\s*\Z", re.I)
ALONG = 0.9
"""Least cosine between a triangle's normal in the file and that of its corners."""


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the cloud of distinct corners, in order of first appearance; not yet checked.

    Args:
        path: The file.
        label_value: Ignored, since STL files have no labels.

    Raises:
        InputError: The file is not an STL file, is empty, lacks declared triangles, or is a CAD
            model.
    """
    data = read_bytes(path, ".stl")
    text = data.removeprefix(codecs.BOM_UTF8)
    notes: tuple[str, ...] = ()
    if TEXT.match(text):
        corners = _from_text(path, text)
    else:
        corners, notes = _from_records(path, data)
    plain = centered(corners)[0] + np.float32(0)  # turns minus zero into zero
    _, first, which = np.unique(plain, axis=0, return_index=True, return_inverse=True)
    refuse_cad(path, plain[first].astype(np.float64), which.reshape(-1, 3))
    cloud = assemble(path, corners[np.sort(first)])
    return cloud.replace(rows=None, file_points=0, notes=(*notes, *cloud.notes))


def _from_records(path: Path, data: bytes) -> tuple[Column, tuple[str, ...]]:
    """Return the corners of all triangles, and a note on further bytes."""
    if len(data) < HEADER + COUNT:
        raise InputError(f"{path}: {len(data)} bytes, wanted the header of an STL file")
    count = struct.unpack_from("<I", data, HEADER)[0]
    found, rest = divmod(len(data) - HEADER - COUNT, TRIANGLE.itemsize)
    if count == 0 or found < count or (found > count and rest == 0):
        whole = found + rest / TRIANGLE.itemsize
        raise InputError(f"{path}: {count} triangles promised, found {whole:.9g}")
    triangles = np.frombuffer(data, TRIANGLE, count, HEADER + COUNT)
    rest = len(data) - HEADER - COUNT - count * TRIANGLE.itemsize
    if rest and not _agree(triangles):
        raise InputError(
            f"{path}: {rest} bytes more than {count} triangles, whose normals do not fit to their "
            "corners; wanted the file saved again, with as many triangles as promised"
        )
    notes = (f"{path}: {rest} bytes after the triangles are left out",) if rest else ()
    return np.ascontiguousarray(triangles["corner"], np.float64).reshape(-1, 3), notes


def _agree(triangles: npt.NDArray[Any]) -> bool:
    """Return whether most triangles have the normal that the file says."""
    corner = triangles["corner"].astype(np.float64)
    said = triangles["normal"].astype(np.float64)
    if not np.isfinite(corner).all() or not np.isfinite(said).all():
        return False
    made = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    lengths = np.linalg.norm(made, axis=1) * np.linalg.norm(said, axis=1)
    known = lengths > 0
    if not known.any():
        return False
    cosine = np.abs((made * said).sum(axis=1)[known]) / lengths[known]
    return bool(np.mean(cosine > ALONG) > ALONG)


def _from_text(path: Path, data: bytes) -> Column:
    """Return the coordinates of the lines ``vertex x y z``; other lines must be STL keywords."""
    rows, facets = [], 0
    for number, line in enumerate(data.splitlines(), 1):
        words = line.split(None, 1)
        match words[0].lower() if words else b"":
            case b"vertex":
                rows.append(words[1] if len(words) == 2 else b"")
            case b"endfacet":
                facets += 1
            case b"end" if len(words) == 2 and words[1].strip().lower() == b"facet":
                facets += 1
            case word if word not in WORDS:
                raise InputError(f"{path}: line {number} is no line of an STL file")
    if facets == 0 or len(rows) != 3 * facets or not END.search(data):
        found = f"{len(rows)} corners for {facets} triangles"
        raise InputError(f"{path}: {found}, wanted three each and endsolid at the end")
    return parse_table(path, b"\n".join(rows), width=3)
