"""The header of a ``.ply`` file: elements, their properties, and the encoding."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from gmanet.errors import InputError
from gmanet.formats.outputs import MARK
from gmanet.formats.source import quote

__all__ = ["Element", "Header", "Property", "parse_header"]

ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
KINDS = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float": "f4", "double": "f8", "float32": "f4", "float64": "f8"},
}
REMARKS = ("comment", "obj_info")
WHOLE = re.compile(r"[0-9]{1,18}")
END = re.compile(rb"^end_header[ \t\r]*\n", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property of an element.

    Args:
        name: Name in lower case.
        kind: NumPy's name of the type without byte order, such as ``f4``.
        length_kind: Type of the length before the values of a list; None for a scalar.
    """

    name: str
    kind: str
    length_kind: str | None = None

    @property
    def least(self) -> int:
        """Least size of the property in a row, in bytes."""
        return int((self.length_kind or self.kind)[1])


@dataclass(kw_only=True)
class Element:
    """One element: a table of ``count`` rows."""

    name: str
    count: int
    properties: list[Property] = field(default_factory=list)

    @property
    def least(self) -> int:
        """Least size of a row in bytes, the exact size if ``fixed``."""
        return sum(one.least for one in self.properties)

    @property
    def fixed(self) -> bool:
        """Whether all rows have the same size, because no property is a list."""
        return all(one.length_kind is None for one in self.properties)


@dataclass(frozen=True, kw_only=True)
class Header:
    """Contents of the header.

    Args:
        order: Byte order, ``<`` or ``>``; empty for ascii.
        elements: Elements in the order of the file; exactly one is named ``vertex``.
        offset: Number of bytes before the data.
        lines: Number of lines before the data.
    """

    order: str
    elements: tuple[Element, ...]
    offset: int
    lines: int


def parse_header(path: Path, data: bytes) -> Header:
    """Return the header.

    Args:
        path: Path of the file, named in errors.
        data: Contents of the file.

    Raises:
        InputError: The header is invalid (names the line) or that of an output of ``predict``.
    """
    end = END.search(data)
    if end is None:
        raise InputError(f"{path}: no line end_header, wanted a whole PLY header")
    lines = [line.decode("latin-1").split() for line in data[: end.start()].split(b"\n")[:-1]]
    if lines[:1] != [["ply"]]:
        raise _unclear(path, 1, words=lines[0] if lines else [])
    if ["comment", *MARK.split()] in lines:
        raise InputError(f"{path}: was written by gmanet predict, wanted a scan")
    order, elements = _entries(path, lines)
    _check_vertex(path, elements)
    return Header(order=order, elements=tuple(elements), offset=end.end(), lines=len(lines) + 1)


def _entries(path: Path, lines: list[list[str]]) -> tuple[str, list[Element]]:
    """Return the byte order and the elements, declared by the lines after the first line."""
    order: str | None = None
    elements: list[Element] = []
    for number, words in enumerate(lines[1:], 2):
        match words:
            case ["format", *_] if order is None:
                order = _order(path, number, words=words)
            case ["element", name, count] if WHOLE.fullmatch(count):
                elements.append(Element(name=name, count=int(count)))
            case ["property", *_] if elements:
                elements[-1].properties.append(_property(path, number, words=words))
            case [word, *_] if word not in REMARKS:
                raise _unclear(path, number, words=words)
    if order is None:
        raise InputError(f"{path}: the header has no format line, wanted one")
    return order, elements


def _order(path: Path, number: int, *, words: list[str]) -> str:
    if len(words) != 3 or words[1] not in ORDERS or words[2] != "1.0":
        wanted = f"wanted format 1.0 of {', '.join(ORDERS)}"
        raise InputError(f"{path}: line {number} is {quote(' '.join(words))}, {wanted}")
    return ORDERS[words[1]]


def _property(path: Path, number: int, *, words: list[str]) -> Property:
    if len(words) == 3 and words[1] in KINDS:
        return Property(name=words[2].lower(), kind=KINDS[words[1]])
    if len(words) == 5 and words[1] == "list" and words[2] in KINDS and words[3] in KINDS:
        length_kind = KINDS[words[2]]
        if length_kind[0] in "iu":
            return Property(name=words[4].lower(), kind=KINDS[words[3]], length_kind=length_kind)
    raise _unclear(path, number, words=words)


def _check_vertex(path: Path, elements: list[Element]) -> None:
    vertices = [element for element in elements if element.name == "vertex"]
    if len(vertices) != 1:
        raise InputError(f"{path}: {len(vertices)} elements called vertex, wanted one")
    vertex = vertices[0]
    names = [one.name for one in vertex.properties]
    scalars = {one.name for one in vertex.properties if one.length_kind is None}
    if len(set(names)) != len(names) or not {"x", "y", "z"} <= scalars:
        found = quote(" ".join(names))
        raise InputError(f"{path}: vertex has the properties {found}, wanted x y z, each once")
    if vertex.count == 0:
        raise InputError(f"{path}: the header promises 0 points, wanted some")


def _unclear(path: Path, number: int, *, words: list[str]) -> InputError:
    return InputError(
        f"{path}: line {number} is {quote(' '.join(words))}, wanted a PLY header line"
    )
