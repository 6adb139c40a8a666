"""Names of columns in text: which of them are coordinates and normals.

Names are compared in lower case, without units in brackets and without quotation marks.  Where no
columns are called ``x``, ``y`` and ``z``, other usual names are accepted: ``X [mm]``, ``X_mm``,
``Points:0``, ``pos_x``, ``X Coordinate``, ``x-axis``.  Normals are ``nx``, ``normal_x``,
``Normals:0`` and the like, for each axis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gmanet.formats.labels import plain_name

__all__ = ["matching_names"]

AXES = ("x", "y", "z")
UNIT = re.compile(r"\s*[\[(][^\])]*[\])]")
PLACE = re.compile(
    r"(?:(?:points?|coords?|coordinates?|pos|position|vertex)_)?([xyz])"
    r"(?:_(?:coords?|coordinates?|pos|position|axis|value))?(?:_(?:mm|cm|m|um|in|inch))?"
    r"|(?:points|coords|coordinates|position)_([012])"
)
NORMAL = re.compile(r"(?:n_?|norm_|normals?_?)([xyz])|([xyz])_?normal|normals?_([012])")
SEPARATORS = (re.compile(r"[\s,;]+"), re.compile(r"[,;\t]"))
"""Separators of names: any, or those between which a name may hold spaces."""


def matching_names(lines: Iterable[str], width: int) -> list[str] | None:
    """Return the columns' names from the first line that names every column, ``x y z`` among them.

    Args:
        lines: Comments and lines of words before the numbers.
        width: Number of columns.

    Returns:
        Names in lower case, with ``x y z`` and ``nx ny nz`` for other spellings of these; None if
        no line names the columns.
    """
    for line in lines:
        for separator in SEPARATORS:
            for text in (UNIT.sub("", line), line):
                words = [word.strip(" \"'").lower() for word in separator.split(text.strip())]
                for names in (words, [word for word in words if word]):
                    if len(names) == width and (found := _plain(names)):
                        return found
    return None


def _plain(names: Sequence[str]) -> list[str] | None:
    """Return names with ``x y z`` among them; None if coordinates are missing or named twice."""
    found = list(names)
    if not set(AXES) <= set(names):
        found = _renamed(found, PLACE, prefix="")
    if "nx" not in found:
        found = _renamed(found, NORMAL, prefix="n")
    known = [name for name in found if name]
    return found if set(AXES) <= set(known) and len(set(known)) == len(known) else None


def _renamed(names: list[str], pattern: re.Pattern[str], *, prefix: str) -> list[str]:
    """Return names with an axis's own name for each that matches, if the three axes are there."""
    axes = [_axis(pattern.fullmatch(plain_name(name))) for name in names]
    if sorted(axis for axis in axes if axis) != list(AXES):
        return names
    return [f"{prefix}{axis}" if axis else name for axis, name in zip(axes, names, strict=True)]


def _axis(found: re.Match[str] | None) -> str:
    """Return the axis of a match, empty without one."""
    axis = next((one for one in found.groups() if one), "") if found else ""
    return AXES[int(axis)] if axis.isdigit() else axis
