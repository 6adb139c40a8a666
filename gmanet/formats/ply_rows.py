"""Rows of one element of a ``.ply`` file, with lists among their properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Indices
from gmanet.errors import InputError
from gmanet.formats.columns import Column
from gmanet.formats.ply_header import Element
from gmanet.formats.source import quote
from gmanet.formats.table import parse_table

__all__ = ["Rows", "binary_rows", "miscounted", "text_rows"]

FACES = ("vertex_indices", "vertex_index")
"""Names of the list of a face's corners."""
Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """Values of an element.

    Args:
        columns: Values of the scalar properties by name, each with shape ``(rows,)``.
        triangles: Corners of the faces, with shape ``(T, 3)``; None where no property lists them,
            or where faces have different numbers of corners.
        end: Offset in bytes of the end of the rows.
    """

    columns: Mapping[str, Column]
    triangles: Indices | None = None
    end: int = 0


def miscounted(path: Path, element: Element, *, found: int) -> InputError:
    """Return an error about an element with fewer rows than declared."""
    name = "points" if element.name == "vertex" else f"rows of {element.name[:40]}"
    return InputError(f"{path}: the header promises {element.count} {name}, found {found}")


def binary_rows(path: Path, element: Element, *, order: str, data: bytes, at: int) -> Rows:
    """Return the rows of an element in binary.

    Args:
        path: Path of the file, named in errors.
        element: The element.
        order: Byte order, ``<`` or ``>``.
        data: Contents of the file.
        at: Offset in bytes of the first row.

    Raises:
        InputError: There are fewer rows than declared, or a list has a negative length.
    """
    if element.count * element.least > len(data) - at:
        raise miscounted(path, element, found=(len(data) - at) // element.least)
    records = _equal_rows(element, order=order, data=data, at=at)
    if records is None:
        return _unequal_rows(path, element, order=order, data=data, at=at)
    columns = {
        one.name: records[f"v{i}"]
        for i, one in enumerate(element.properties)
        if one.length_kind is None
    }
    lists = {
        one.name: records[f"v{i}"]
        for i, one in enumerate(element.properties)
        if one.length_kind is not None
    }
    faces = next((lists[name] for name in FACES if name in lists), None)
    end = at + element.count * records.dtype.itemsize
    return Rows(columns=columns, triangles=_triangles(faces), end=end)


def text_rows(path: Path, element: Element, *, rows: Sequence[bytes], lines: Sequence[int]) -> Rows:
    """Return the rows of an element in text.

    Args:
        path: Path of the file, named in errors.
        element: The element.
        rows: Lines of the element, none of them blank.
        lines: Number of each line in the file.

    Raises:
        InputError: A row of points has too few or too many values, or one that is no number.
    """
    names = [one.name for one in element.properties if one.length_kind is None]
    if element.name != "vertex":
        return Rows(columns={}, triangles=_text_faces(element, rows))
    scalars = rows
    if not element.fixed:
        scalars = [
            b" ".join(_scalars(path, element, row=row.split(), line=line))
            for row, line in zip(rows, lines, strict=True)
        ]
    numbered = b"\n".join(_spaced(scalars, lines))
    table = parse_table(path, numbered, line=lines[0], width=len(names))
    if len(table) != element.count:
        raise miscounted(path, element, found=len(table))
    return Rows(columns={name: table[:, i] for i, name in enumerate(names)})


def _spaced(rows: Sequence[bytes], lines: Sequence[int]) -> list[bytes]:
    """Return the rows with blank lines between them, so that errors name the line of the file."""
    if lines[-1] - lines[0] == len(lines) - 1:
        return list(rows)
    spaced = [b""] * (lines[-1] - lines[0] + 1)
    for row, line in zip(rows, lines, strict=True):
        spaced[line - lines[0]] = row
    return spaced


def _scalars(path: Path, element: Element, *, row: list[bytes], line: int) -> list[bytes]:
    """Return the words of a row that belong to scalar properties."""
    at, found = 0, []
    for one in element.properties:
        word = row[at] if at < len(row) else b""
        if one.length_kind is None:
            found.append(word)
        elif not word.isdigit():
            raise InputError(f"{path}: line {line} holds {quote(word)}, wanted a list's length")
        else:
            at += int(word)
        at += 1
    if at != len(row):
        raise InputError(f"{path}: line {line} has {len(row)} values, wanted {at}")
    return found


def _text_faces(element: Element, rows: Sequence[bytes]) -> Indices | None:
    """Return the triangles of faces in text; None if they are anything but triangles."""
    first = element.properties[0] if element.properties else None
    if first is None or first.name not in FACES or len(element.properties) > 1 or not rows:
        return None
    try:
        table = np.loadtxt(rows, np.float64, ndmin=2, comments=None)
    except ValueError:
        return None
    equal = table.shape[1] == 4 and bool((table[:, 0] == 3).all())
    return table[:, 1:].astype(np.int64) if equal and np.isfinite(table).all() else None


def _equal_rows(element: Element, *, order: str, data: bytes, at: int) -> npt.NDArray[Any] | None:
    """Return the rows as records, if every list has one length in all rows; else None."""
    kinds: list[tuple[Any, ...]] = []
    start = at
    for i, one in enumerate(element.properties):
        if one.length_kind is None:
            kinds.append((f"v{i}", f"{order}{one.kind}"))
            start += one.least
            continue
        if not element.count or start + one.least > len(data):
            return None
        length = int(np.frombuffer(data, f"{order}{one.length_kind}", 1, start)[0])
        if not 0 <= length <= len(data):
            return None
        kinds += [
            (f"n{i}", f"{order}{one.length_kind}"),
            (f"v{i}", f"{order}{one.kind}", (length,)),
        ]
        start += one.least + length * int(one.kind[1])
    if at + element.count * (start - at) > len(data):
        return None
    records = np.frombuffer(data, kinds, element.count, at)
    counts = [records[name] for name in records.dtype.names or () if name[0] == "n"]
    return records if all(bool((one == one[0]).all()) for one in counts) else None


def _unequal_rows(path: Path, element: Element, *, order: str, data: bytes, at: int) -> Rows:
    """Return the scalar values of an element that is read row by row."""
    endian: Literal["little", "big"] = "little" if order == "<" else "big"
    kinds = [(one.length_kind, one.least, int(one.kind[1])) for one in element.properties]
    starts: list[int] = []
    for row in range(element.count):
        for length_kind, least, size in kinds:
            starts.append(at)
            if length_kind is not None:
                length = int.from_bytes(data[at : at + least], endian, signed=length_kind[0] == "i")
                if length < 0:
                    raise InputError(f"{path}: byte {at} holds a list of {length} values")
                at += length * size
            at += least
        if at > len(data):
            raise miscounted(path, element, found=row)
    table = np.array(starts, np.int64).reshape(element.count, len(kinds))
    columns = {
        one.name: _gathered(data, table[:, i], f"{order}{one.kind}")
        for i, one in enumerate(element.properties)
        if one.length_kind is None
    }
    return Rows(columns=columns, end=at)


def _gathered(data: bytes, starts: Offsets, kind: str) -> Column:
    """Return the values of a type that begin at some offsets in bytes."""
    size = np.dtype(kind).itemsize
    places = np.frombuffer(data, np.uint8)[starts[:, None] + np.arange(size)]
    return np.ascontiguousarray(places).view(kind)[:, 0]


def _triangles(faces: Column | None) -> Indices | None:
    """Return lists of three or four corners as triangles; None for other numbers of corners."""
    if faces is None or faces.shape[1] not in (3, 4):
        return None
    corners = faces.astype(np.int64)
    if faces.shape[1] == 3:
        return corners
    return np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
