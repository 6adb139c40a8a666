"""``.pcd``, the Point Cloud Library's format, versions 0.5 to 0.7, in all three encodings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats.columns import Column, as_cloud
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.lzf import MAX_RATIO, decompress
from gmanet.formats.pcd_header import HEADER_LIMIT, Header, parse_header
from gmanet.formats.source import read_bytes
from gmanet.formats.table import parse_table

__all__ = ["count_points", "read", "read_columns", "write"]

HEAD = """\
# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS {fields}
SIZE {size}
TYPE {type}
COUNT {count}
WIDTH {points}
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS {points}
DATA binary
"""


def count_points(path: Path) -> int:
    """Return the number of points that the header declares; only the header is read.

    Raises:
        InputError: The file is missing or has no PCD header.
    """
    return parse_header(path, read_bytes(path, ".pcd", limit=HEADER_LIMIT)).points


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the file's cloud, not yet checked.

    Args:
        path: The file.
        label_value: Label of abnormal points (``gmanet.formats.labels``).

    Raises:
        InputError: The file is not a PCD file, the header contradicts itself, or the data are
            damaged or have another number of points than the header declares.
    """
    return as_cloud(path, read_columns(path), label_value=label_value)


def read_columns(path: Path) -> dict[str, Column]:
    """Return the values of every field by its lower-case name, each with shape ``(N,)``.

    Raises:
        InputError: As for :func:`read`.
    """
    data = read_bytes(path, ".pcd")
    header = parse_header(path, data)
    if header.encoding == "ascii":
        return _from_text(path, header, data=data[header.offset :])
    if header.encoding == "binary":
        return _from_records(path, header, data=data)
    return _from_packed(path, header, data=data)


def write(path: Path, cloud: Cloud) -> None:
    """Write ``x y z`` and, if known, normals and labels, as binary version 0.7.

    Coordinates are those of the cloud's source file, as doubles if ``Cloud.origin`` is not zero.
    """
    far = any(cloud.origin)
    kind, pos = ("<f8", cloud.positions()) if far else ("<f4", cloud.pos)
    columns: list[tuple[str, str, Column]] = [
        (name, kind, pos[:, axis]) for axis, name in enumerate("xyz")
    ]
    if cloud.normal is not None:
        columns += [(f"normal_{n}", "<f4", cloud.normal[:, axis]) for axis, n in enumerate("xyz")]
    if cloud.label is not None:
        columns.append(("label", "|u1", cloud.label))
    records = np.empty(len(cloud), [(name, kind) for name, kind, _ in columns])
    for name, _, values in columns:
        records[name] = values
    head = HEAD.format(
        fields=" ".join(name for name, _, _ in columns),
        size=" ".join(kind[2] for _, kind, _ in columns),
        type=" ".join(kind[1].upper() for _, kind, _ in columns),
        count=" ".join("1" for _ in columns),
        points=len(cloud),
    )
    path.write_bytes(head.encode() + records.tobytes())


def _from_text(path: Path, header: Header, *, data: bytes) -> dict[str, Column]:
    width = sum(field.count for field in header.fields)
    if 2 * header.points * width > len(data) + 1:
        most = (len(data) + 1) // (2 * width)
        raise _miscounted(path, header, found=f"at most {most}")
    table = parse_table(path, data, line=header.lines + 1, width=width)
    if len(table) != header.points:
        raise _miscounted(path, header, found=str(len(table)))
    columns, at = {}, 0
    for field in header.fields:
        if field.count == 1:
            columns[field.name] = table[:, at]
        at += field.count
    return columns


def _from_records(path: Path, header: Header, *, data: bytes) -> dict[str, Column]:
    found, rest = divmod(len(data) - header.offset, header.width)
    if found < header.points:
        raise _miscounted(path, header, found=str(found))
    end = header.offset + header.points * header.width
    if data[end:].strip(b"\0\r\n "):  # some writers pad with zeros
        raise _miscounted(path, header, found=f"{found} and {rest} bytes")
    kinds = [(str(i), field.kind, (field.count,)) for i, field in enumerate(header.fields)]
    records = np.frombuffer(data, kinds, header.points, header.offset)
    return {
        field.name: records[str(i)][:, 0]
        for i, field in enumerate(header.fields)
        if field.count == 1
    }


def _from_packed(path: Path, header: Header, *, data: bytes) -> dict[str, Column]:
    """Return the columns of binary_compressed data, which are stored field by field."""
    sizes, at = np.frombuffer(data[header.offset :][:8].ljust(8, b"\0"), "<u4"), header.offset + 8
    packed, size = int(sizes[0]), int(sizes[1])
    if packed > len(data) - at:
        found = max(0, len(data) - at)
        raise InputError(f"{path}: {packed} packed bytes promised, found {found}")
    if size != header.points * header.width:
        raise _miscounted(path, header, found=f"data for {size / header.width:g}")
    if size > MAX_RATIO * packed:
        raise InputError(f"{path}: {packed} packed bytes cannot yield the {size} promised")
    try:
        unpacked = decompress(data[at : at + packed], size)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    columns, at = {}, 0
    for field in header.fields:
        if field.count == 1:
            columns[field.name] = np.frombuffer(unpacked, field.kind, header.points, at)
        at += field.width * header.points
    return columns


def _miscounted(path: Path, header: Header, *, found: str) -> InputError:
    return InputError(f"{path}: the header promises {header.points} points, found {found}")
