"""``.ply``, the polygon file format: ascii, and binary in both byte orders.

The element ``vertex`` holds the points.  Other elements (faces, edges) are skipped, but must have
the declared number of rows, since a wrong count shifts all data after it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats.columns import Column, as_cloud
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.ply_header import Element, Header, parse_header
from gmanet.formats.source import read_bytes
from gmanet.formats.table import parse_table

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
    return as_cloud(path, read_columns(path), label_value=label_value)


def read_columns(path: Path) -> dict[str, Column]:
    """Return the values of every property by its lower-case name, each with shape ``(N,)``.

    Raises:
        InputError: As for :func:`read`.
    """
    data = read_bytes(path, ".ply")
    header = parse_header(path, data)
    if not header.order:
        return _from_text(path, header, data=data[header.offset :])
    columns = _from_records(path, header, data=data)
    swapped = {name: columns[name].byteswap() for name in ("x", "y", "z")}
    if 2 * _sane(columns) < _sane(swapped):
        raise InputError(f"{path}: the bytes stand in another order than the format line says")
    return columns


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


def _from_text(path: Path, header: Header, *, data: bytes) -> dict[str, Column]:
    lines = data.splitlines()
    filled = [number for number, line in enumerate(lines) if line.strip()]
    at, columns = 0, {}
    for element in header.elements:
        if len(filled) - at < element.count:
            raise _miscounted(path, element, found=len(filled) - at)
        if element.name == "vertex":
            first, last = filled[at], filled[at + element.count - 1]
            rows = b"\n".join(lines[first : last + 1])
            table = parse_table(
                path, rows, line=header.lines + first + 1, width=len(element.properties)
            )
            if len(table) != element.count:
                raise _miscounted(path, element, found=len(table))
            columns = {one.name: table[:, i] for i, one in enumerate(element.properties)}
        at += element.count
    if at != len(filled):
        raise InputError(f"{path}: the header promises {at} rows of data, found {len(filled)}")
    return columns


def _from_records(path: Path, header: Header, *, data: bytes) -> dict[str, Column]:
    at, columns = header.offset, {}
    for element in header.elements:
        if element.count * element.least > len(data) - at:
            raise _miscounted(path, element, found=(len(data) - at) // element.least)
        if element.name == "vertex":
            kinds = [(one.name, header.order + one.kind) for one in element.properties]
            records = np.frombuffer(data, kinds, element.count, at)
            columns = {one.name: records[one.name] for one in element.properties}
        if element.fixed:
            at += element.count * element.least
        else:
            at = _after_lists(path, header, element=element, data=data, at=at)
    if data[at:].strip(b"\0\r\n "):
        raise InputError(f"{path}: {len(data) - at} bytes more than the header promises")
    return columns


def _after_lists(path: Path, header: Header, *, element: Element, data: bytes, at: int) -> int:
    """Return the offset in bytes of the end of an element with lists, read row by row."""
    quick = _after_equal_lists(header, element, data=data, at=at)
    if quick is not None:
        return quick
    order: Literal["little", "big"] = "little" if header.order == "<" else "big"
    kinds = [(one.length_kind, one.least, int(one.kind[1])) for one in element.properties]
    for row in range(element.count):
        for length_kind, least, size in kinds:
            if length_kind is not None:
                length = int.from_bytes(data[at : at + least], order, signed=length_kind[0] == "i")
                if length < 0:
                    raise InputError(f"{path}: byte {at} holds a list of {length} values")
                at += length * size
            at += least
        if at > len(data):
            raise _miscounted(path, element, found=row)
    return at


def _after_equal_lists(header: Header, element: Element, *, data: bytes, at: int) -> int | None:
    """Return the same offset if all rows have a list of one length, as triangles do; else None."""
    if len(element.properties) > 1 or not element.count:
        return None
    one = element.properties[0]
    kind = np.dtype(f"{header.order}{one.length_kind}")
    length = int(np.frombuffer(data, kind, 1, at)[0])
    width = kind.itemsize + length * int(one.kind[1])
    end = at + element.count * width
    if length < 0 or end > len(data):
        return None
    table = np.frombuffer(data, np.uint8, element.count * width, at).reshape(-1, width)
    lengths = table[:, : kind.itemsize].copy().view(kind)
    return end if bool((lengths == length).all()) else None


def _sane(columns: dict[str, Column]) -> float:
    """Return the share of points whose coordinates have plausible magnitudes."""
    with np.errstate(over="ignore", invalid="ignore"):
        most = np.max(
            [np.abs(columns[name].astype(np.float64)) for name in ("x", "y", "z")], axis=0
        )
    return float(np.mean((most == 0) | ((most > SANE[0]) & (most < SANE[1]))))


def _miscounted(path: Path, element: Element, *, found: int) -> InputError:
    name = "points" if element.name == "vertex" else f"rows of {element.name[:40]}"
    return InputError(f"{path}: the header promises {element.count} {name}, found {found}")
