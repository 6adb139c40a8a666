"""The header of a ``.pcd`` file: fields of a point, number of points, encoding of the data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gmanet.errors import InputError
from gmanet.formats.source import quote

__all__ = ["HEADER_LIMIT", "Field", "Header", "parse_header"]

HEADER_LIMIT = 1 << 16
"""Largest size of a header, in bytes."""

KEYS = frozenset(
    ("VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS", "DATA")
)
VERSIONS = ("0.7", ".7", "0.6", ".6", "0.5", ".5")
ENCODINGS = ("ascii", "binary", "binary_compressed")
KINDS = {
    **{("F", str(size)): f"<f{size}" for size in (4, 8)},
    **{("I", str(size)): f"<i{size}" for size in (1, 2, 4, 8)},
    **{("U", str(size)): f"<u{size}" for size in (1, 2, 4, 8)},
}
WHOLE = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a point.

    Args:
        name: Name in lower case.
        kind: NumPy's name of the type, such as ``<f4``.
        size: Size of one value, in bytes.
        count: Number of values per point.
    """

    name: str
    kind: str
    size: int
    count: int

    @property
    def width(self) -> int:
        """Bytes per point."""
        return self.size * self.count


@dataclass(frozen=True, kw_only=True)
class Header:
    """Contents of the header.

    Args:
        fields: The fields of a point, in the order of the file.
        points: Declared number of points, at least one.
        encoding: ``ascii``, ``binary`` or ``binary_compressed``.
        offset: Number of bytes before the data.
        lines: Number of lines before the data.
    """

    fields: tuple[Field, ...]
    points: int
    encoding: str
    offset: int
    lines: int

    @property
    def width(self) -> int:
        """Bytes per point in binary data."""
        return sum(field.width for field in self.fields)


def parse_header(path: Path, head: bytes) -> Header:
    """Return the header.

    Args:
        path: Path of the file, named in errors.
        head: First ``HEADER_LIMIT`` bytes of the file, or more.

    Raises:
        InputError: The header is missing or contradicts itself; names the line or the entry.
    """
    entries: dict[str, list[str]] = {}
    offset, number = 0, 0
    while "DATA" not in entries:
        end = head.find(b"\n", offset, HEADER_LIMIT)
        if end < 0:
            raise InputError(f"{path}: the header has no DATA line, wanted a whole PCD header")
        line = head[offset:end].decode("latin-1").strip()
        offset, number = end + 1, number + 1
        if not line or line.startswith("#"):
            continue
        key, *words = line.split()
        key = "FIELDS" if key == "COLUMNS" else key  # as in versions before 0.5
        if key not in KEYS:
            raise InputError(f"{path}: line {number} is {quote(line)}, wanted a PCD header line")
        if key in entries:
            raise InputError(f"{path}: line {number} is a second {key}, wanted one")
        entries[key] = words
    _choice(path, entries, key="VERSION", known=VERSIONS)
    encoding = _choice(path, entries, key="DATA", known=ENCODINGS)
    return Header(
        fields=_fields(path, entries),
        points=_points(path, entries),
        encoding=encoding,
        offset=offset,
        lines=number,
    )


def _choice(path: Path, entries: dict[str, list[str]], *, key: str, known: tuple[str, ...]) -> str:
    """Return the single value of an entry, after a check that the value is known."""
    found = " ".join(entries.get(key, ["missing"]))
    if found not in known:
        raise InputError(f"{path}: {key} is {quote(found)}, wanted one of {', '.join(known)}")
    return found


def _fields(path: Path, entries: dict[str, list[str]]) -> tuple[Field, ...]:
    """Return the fields, after a check that FIELDS, SIZE, TYPE and COUNT agree."""
    names = [name.lower() for name in entries.get("FIELDS", [])]
    columns = [entries.get(key, []) for key in ("SIZE", "TYPE")]
    columns.append(entries.get("COUNT", ["1"] * len(names)))
    for key, words in zip(("SIZE", "TYPE", "COUNT"), columns, strict=True):
        if len(words) != len(names):
            raise InputError(f"{path}: {key} has {len(words)} entries for {len(names)} FIELDS")
    fields = []
    for name, size, kind, count in zip(names, *columns, strict=True):
        if (kind, size) not in KINDS:
            raise InputError(f"{path}: field {quote(name)} has TYPE {kind[:9]} of SIZE {size[:9]}")
        if not WHOLE.fullmatch(count) or int(count) < 1:
            raise InputError(f"{path}: field {quote(name)} has COUNT {count[:9]}, wanted 1 or more")
        fields.append(Field(name=name, kind=KINDS[kind, size], size=int(size), count=int(count)))
    single = [field.name for field in fields if field.count == 1]
    for name in ("x", "y", "z"):
        if single.count(name) != 1:
            raise InputError(f"{path}: FIELDS are {quote(' '.join(names))}, wanted one x, y and z")
    return tuple(fields)


def _points(path: Path, entries: dict[str, list[str]]) -> int:
    """Return the number of points, after a check that WIDTH x HEIGHT and POINTS agree."""
    said = {}
    for key in ("WIDTH", "HEIGHT", "POINTS"):
        if key in entries:
            word = " ".join(entries[key])
            if not WHOLE.fullmatch(word):
                raise InputError(f"{path}: {key} is {quote(word)}, wanted a whole number")
            said[key] = int(word)
    grid = said["WIDTH"] * said.get("HEIGHT", 1) if "WIDTH" in said else None
    points = said.get("POINTS", grid)
    if points is None:
        raise InputError(f"{path}: the header names neither POINTS nor WIDTH, wanted their number")
    if grid is not None and grid != points:
        raise InputError(f"{path}: WIDTH x HEIGHT is {grid}, but POINTS is {points}")
    if points == 0:
        raise InputError(f"{path}: the header promises 0 points, wanted some")
    return points
