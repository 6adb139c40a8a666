"""``.ply``, the polygon file format: ascii, and binary in both byte orders.

The element ``vertex`` holds the points; lists among its properties are skipped.  Other elements
(faces, edges) are not read, but must have the declared number of rows, since a wrong count shifts
all data after it.  A CAD model is refused (``gmanet.formats.mesh``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud, Indices
from gmanet.errors import InputError
from gmanet.formats.columns import Column, as_cloud
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.mesh import refuse_cad
from gmanet.formats.ply_header import Header, parse_header
from gmanet.formats.ply_rows import Rows, binary_rows, miscounted, text_rows
from gmanet.formats.source import read_bytes

__all__ = ["read", "read_columns", "write"]

HEAD = """\
ply
format binary_little_endian 1.0
{remark}element vertex {points}
{properties}
end_header
"""
NAMES = {"f4": "float", "f8": "double", "u1": "uchar"}
SANE = (1e-12, 1e12)
"""Range of plausible magnitudes of a point's largest coordinate.

Where most points are outside of the range, and inside in the opposite byte order, the header names
the wrong order.
"""


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the file's cloud, not yet checked.

    Args:
        path: The file.
        label_value: Label of abnormal points (``gmanet.formats.labels``).

    Raises:
        InputError: The file is not a PLY file, the data do not match the header, or the byte order
            is not the declared one.
    """
    columns, triangles = _contents(path)
    if triangles is not None:
        pos = np.stack([columns[name].astype(np.float64) for name in "xyz"], axis=1)
        if triangles.size and triangles.min() >= 0 and triangles.max() < len(pos):
            refuse_cad(path, pos, triangles)
    return as_cloud(path, columns, label_value=label_value)


def read_columns(path: Path) -> dict[str, Column]:
    """Return the values of every property by its lower-case name, each with shape ``(N,)``.

    Raises:
        InputError: As for :func:`read`.
    """
    return _contents(path)[0]


def _contents(path: Path) -> tuple[dict[str, Column], Indices | None]:
    """Return the columns of the points, and the triangles of the faces, if there are any."""
    data = read_bytes(path, ".ply")
    header = parse_header(path, data)
    if header.order:
        found = _from_records(path, header, data=data)
    else:
        found = _from_text(path, header, data=data[header.offset :])
    names = [element.name for element in header.elements]
    columns = dict(found[names.index("vertex")].columns)
    triangles = next((one.triangles for one in found if one.triangles is not None), None)
    if not header.order:
        return columns, triangles
    swapped = {name: columns[name].byteswap() for name in ("x", "y", "z")}
    if 2 * _sane(columns) < _sane(swapped):
        raise InputError(f"{path}: the bytes stand in another order than the format line says")
    return columns, triangles


def write(
    path: Path, cloud: Cloud, color: npt.NDArray[np.uint8] | None = None, *, comment: str = ""
) -> None:
    """Write points and, if known, normals, colors and labels, in little-endian binary.

    Coordinates are those of the cloud's source file, as doubles if ``Cloud.origin`` is not zero.

    Args:
        path: The file.
        cloud: The cloud.
        color: Red, green and blue, with shape ``(N, 3)``.
        comment: One line for the header.
    """
    columns: list[tuple[str, str, Column]] = []
    far = any(cloud.origin)
    for names, kind, values in (
        (("x", "y", "z"), "f8" if far else "f4", cloud.positions() if far else cloud.pos),
        (("nx", "ny", "nz"), "f4", cloud.normal),
        (("red", "green", "blue"), "u1", color),
        (("label",), "u1", None if cloud.label is None else cloud.label[:, None]),
    ):
        if values is not None:
            columns += [(name, kind, values[:, i]) for i, name in enumerate(names)]
    records = np.empty(len(cloud), [(name, f"<{kind}") for name, kind, _ in columns])
    for name, _, values in columns:
        records[name] = values
    properties = "\n".join(f"property {NAMES[kind]} {name}" for name, kind, _ in columns)
    remark = f"comment {comment}\n" if comment else ""
    head = HEAD.format(remark=remark, points=len(cloud), properties=properties)
    path.write_bytes(head.encode() + records.tobytes())


def _from_text(path: Path, header: Header, *, data: bytes) -> list[Rows]:
    lines = data.splitlines()
    filled = [number for number, line in enumerate(lines) if line.strip()]
    at, found = 0, []
    for element in header.elements:
        if len(filled) - at < element.count:
            raise miscounted(path, element, found=len(filled) - at)
        own = filled[at : at + element.count]
        numbers = [header.lines + one + 1 for one in own]
        rows = [lines[one] for one in own]
        found.append(text_rows(path, element, rows=rows, lines=numbers))
        at += element.count
    if at != len(filled):
        raise InputError(f"{path}: the header promises {at} rows of data, found {len(filled)}")
    return found


def _from_records(path: Path, header: Header, *, data: bytes) -> list[Rows]:
    at, found = header.offset, []
    for element in header.elements:
        found.append(binary_rows(path, element, order=header.order, data=data, at=at))
        at = found[-1].end
    if data[at:].strip(b"\0\r\n "):
        raise InputError(f"{path}: {len(data) - at} bytes more than the header promises")
    return found


def _sane(columns: dict[str, Column]) -> float:
    """Return the share of points whose coordinates have plausible magnitudes."""
    with np.errstate(over="ignore", invalid="ignore"):
        most = np.max(
            [np.abs(columns[name].astype(np.float64)) for name in ("x", "y", "z")], axis=0
        )
    return float(np.mean((most == 0) | ((most > SANE[0]) & (most < SANE[1]))))
