"""``.obj`` (Wavefront): the vertices are the points; faces only tell CAD models from scans.

Colors behind the coordinates are not read.  Normals are read if there are as many as vertices, and
every corner of a face has the normal of its own number.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud, Doubles, Indices
from gmanet.errors import InputError
from gmanet.formats.columns import assemble
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.mesh import refuse_cad
from gmanet.formats.source import quote, read_bytes
from gmanet.formats.table import parse_table

__all__ = ["read"]

KEYWORDS = frozenset(
    {
        *("v", "vt", "vn", "vp", "f", "l", "p", "g", "o", "s", "mg", "usemtl", "mtllib", "usemap"),
        *("maplib", "bevel", "c_interp", "d_interp", "lod", "shadow_obj", "trace_obj", "ctech"),
        *("stech", "cstype", "deg", "bmat", "step", "curv", "curv2", "surf", "parm", "trim"),
        *("hole", "scrv", "sp", "end", "con"),
    }
)
"""First words of the lines of an OBJ file, in lower case."""
FIRST_WORD = re.compile(rb"^[ \t]*([^\s#]+)", re.M)
CONTINUED = re.compile(rb"\\[ \t]*\r?\n")
CORNER = re.compile(rb"(-?\d+)(?:/(-?\d*))?(?:/(-?\d+))?(?=[ \t\r]|$)", re.M)


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the cloud of all vertices in the order of the file, not yet checked.

    Args:
        path: The file.
        label_value: Ignored, since OBJ files have no labels.

    Raises:
        InputError: The file is no OBJ file, has no vertices, a face names a vertex that is not
            there, or the file is a CAD model.
    """
    data = CONTINUED.sub(b" ", read_bytes(path, ".obj").replace(b"\r", b"\n"))
    for word in dict.fromkeys(FIRST_WORD.findall(data)):
        if word.decode("latin-1").lower() not in KEYWORDS:
            line = data[: data.index(word)].count(b"\n") + 1
            raise InputError(f"{path}: {quote(word)} (line {line}) begins no line of an OBJ file")
    table = _rows(path, data, keyword=b"v")
    if table is None or table.shape[1] < 3:
        raise InputError(f"{path}: no vertices (lines v x y z), wanted some")
    pos = table[:, :3]
    triangles, own_normals = _faces(path, data, count=len(pos))
    refuse_cad(path, pos, triangles)
    normal = _rows(path, data, keyword=b"vn")
    fits = normal is not None and own_normals and normal.shape == pos.shape
    return assemble(path, pos, normal=normal if fits else None)


def _rows(path: Path, data: bytes, *, keyword: bytes) -> Doubles | None:
    """Return the numbers of the lines with a keyword; None if there are no such lines."""
    found = re.compile(rb"^[ \t]*" + keyword + rb"[ \t]+([^\n#]*)", re.M | re.I)
    rows = found.findall(data)
    if not rows:
        return None
    try:
        return parse_table(path, b"\n".join(rows))
    except InputError as error:
        said = str(error).removeprefix(f"{path}: ").replace("line", f"{keyword.decode()} line", 1)
        raise InputError(f"{path}: {said}") from None


def _faces(path: Path, data: bytes, *, count: int) -> tuple[Indices, bool]:
    """Return the faces as triangles, and whether every corner has the normal of its own number."""
    triangles: list[tuple[int, int, int]] = []
    own = True
    for row in re.findall(rb"^[ \t]*f[ \t]+([^\n#]*)", data, re.M | re.I):
        corners = CORNER.findall(row)
        if len(corners) != len(row.split()) or len(corners) < 3:
            raise InputError(f"{path}: {quote(row)} is no face, wanted three corners or more")
        at = [int(one[0]) for one in corners]
        at = [one - 1 if one > 0 else count + one for one in at]
        if not (min(at) >= 0 and max(at) < count):
            wanted = f"wanted vertices 1 to {count}"
            raise InputError(f"{path}: the face {quote(row.strip())} has other corners, {wanted}")
        own = own and all(one[0] == one[2] for one in corners)
        triangles += [(at[0], at[i], at[i + 1]) for i in range(1, len(at) - 1)]
    return np.array(triangles, np.int64).reshape(-1, 3), own
