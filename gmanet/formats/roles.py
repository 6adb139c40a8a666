"""What the columns of a table without names are, by their values.

Columns 1 to 3 are ``x y z``.  A column before them that counts the rows (0 1 2 … or 1 2 3 …) is
left out.  The columns after them are taken from left to right:

- three columns of unit vectors are normals, the first time;
- three columns of whole numbers from 0 to 255, or of numbers from 0 to 1 that are no 0s and 1s
  alone, are colors and are not read;
- of the last four columns, the first is an intensity, and not read, if all four look like colors;
- the last column is the candidate for labels (``gmanet.formats.labels``), if it is single;
- every other column, such as an intensity, is not read.

Coordinates, normals or colors in another order are refused where that can be seen: columns 1 to 3
hold unit vectors, or whole numbers from 0 to 255, and later columns hold neither.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gmanet.cloud import Doubles
from gmanet.errors import InputError
from gmanet.formats.columns import Column
from gmanet.formats.labels import LABEL_VALUE, no_label
from gmanet.formats.unmeasured import measured

__all__ = ["by_values", "ordinal"]

LENGTH = 0.05
"""Largest difference of a normal's length from 1."""
BRIGHTEST = 255
NORMALS = ("nx", "ny", "nz")
NAMING = "a first line such as //X Y Z R G B Nx Ny Nz Label names them"
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def ordinal(column: int) -> str:
    """Return the name of a column in messages, such as ``the fourth column``, from number 1 on."""
    small = column <= len(ORDINALS)
    return f"the {ORDINALS[column - 1]} column" if small else f"column {column}"


def by_values(
    path: Path, table: Doubles, *, label_value: float = LABEL_VALUE
) -> tuple[dict[str, Column], str, str]:
    """Return the columns by name, the label's name in messages, and a note on what was guessed.

    Args:
        path: Path of the file, named in errors.
        table: Numbers of the file, with shape ``(rows, columns)``.
        label_value: Label of abnormal points in the file.

    Returns:
        ``x y z``, and ``nx ny nz`` and ``label`` where they are; ``label`` also holds values of a
        last column that are no labels, of which :func:`gmanet.formats.columns.as_cloud` says so.

    Raises:
        InputError: There are fewer than three columns, or coordinates are not the first three.
    """
    width = table.shape[1]
    first = 1 if width > 3 and _counts_rows(table[:, 0]) else 0
    if width < 3:
        raise InputError(f"{path}: {width} columns, wanted x y z in three")
    seen = table[measured(table[:, first : first + 3]).mask]
    columns: dict[str, Column] = dict(zip("xyz", table.T[first : first + 3], strict=True))
    said = (["number"] if first else []) + ["x", "y", "z"]
    at = len(said)
    while at < width:
        group = seen[:, at : at + 3]
        if at == width - 4 and _colors(seen[:, at:]) and seen[:, -1].max() > 1:
            said, at = [*said, "intensity"], at + 1
        elif group.shape[1] == 3 and "nx" not in columns and _unit_vectors(group):
            columns |= dict(zip(NORMALS, table.T[at : at + 3], strict=True))
            said, at = [*said, "nx", "ny", "nz"], at + 3
        elif group.shape[1] == 3 and _colors(group):
            said, at = [*said, "red", "green", "blue"], at + 3
        elif at == width - 1:
            columns["label"] = table[:, at]
            valid = not no_label(seen[:, at], value=label_value)
            said, at = [*said, "label" if valid else "unread"], at + 1
        else:
            said, at = [*said, "unread"], at + 1
    _check_order(path, seen[:, first : first + 3], said=said)
    return columns, ordinal(width), _guess(said)


def _guess(said: list[str]) -> str:
    """Return a note on the columns; empty if there is nothing to say, or another note says so."""
    if said in (["x", "y", "z"], ["x", "y", "z", "unread"]):
        return ""
    return f"its columns are taken by their values as {' '.join(said)}; {NAMING}"


def _check_order(path: Path, pos: Doubles, *, said: list[str]) -> None:
    """Raise an error if the first columns look like normals or colors, and no later ones do."""
    if len(said) < 6 or {"nx", "red"} & set(said):
        return
    kind = "unit vectors" if _unit_vectors(pos) else "whole numbers as in colors"
    if _unit_vectors(pos) or _colors(pos):
        found = f"columns 1 to 3 hold {kind} and columns 4 to 6 neither normals nor colors"
        raise InputError(f"{path}: {found}, wanted a first line such as //Nx Ny Nz X Y Z")


def _counts_rows(values: Doubles) -> bool:
    start = values[0] if len(values) else np.nan
    return start in (0, 1) and bool((values == start + np.arange(len(values))).all())


def _unit_vectors(vectors: Doubles) -> bool:
    """Return whether there are vectors, all of length 1."""
    length = np.linalg.norm(vectors, axis=1)
    return bool(len(vectors) and (np.abs(length - 1) <= LENGTH).all())


def _colors(values: Doubles) -> bool:
    """Return whether values are colors: 0 to 255 in whole numbers, or 0 to 1 in fractions.

    Numbers 0 and 1 alone are no colors.
    """
    if not len(values) or not values.min() >= 0 or not values.max() <= BRIGHTEST:
        return False
    return bool((values == np.round(values)).all()) != bool(values.max() <= 1)
