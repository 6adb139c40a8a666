"""A table of numbers in text, with a fast parser and a slow one that locates an error."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gmanet.errors import InputError
from gmanet.formats.source import quote

__all__ = ["parse_table"]

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|nan|inf(?:inity)?)", re.I)


def parse_table(
    path: Path,
    data: bytes,
    *,
    line: int = 1,
    width: int | None = None,
    delimiter: str | None = None,
) -> npt.NDArray[np.float64]:
    """Return the numbers, with shape ``(rows, width)``.

    Args:
        path: Path of the file, named in errors.
        data: Rows of text; blank rows and comments after ``#`` are ignored.
        line: Number of the first row in the file.
        width: Numbers per row; None takes the number in the first row.
        delimiter: Separator of two numbers; None is any white space.

    Raises:
        InputError: A row has another width or a value that is no number; names the line.
    """
    zero = data.find(b"\0")
    if zero >= 0:
        number = line + data.count(b"\n", 0, zero)
        raise InputError(f"{path}: line {number} holds a zero byte, wanted plain text")
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="latin-1")
    if not any(text.partition("#")[0].strip() for text in stream):
        raise InputError(f"{path}: no numbers from line {line} on, wanted rows of numbers")
    stream.seek(0)
    try:
        table = np.loadtxt(stream, np.float64, delimiter=delimiter, ndmin=2)
    except ValueError:
        raise _fault(path, data, line=line, width=width, delimiter=delimiter) from None
    if width is not None and table.shape[1] != width:
        raise _fault(path, data, line=line, width=width, delimiter=delimiter)
    return table


def _fault(
    path: Path, data: bytes, *, line: int, width: int | None, delimiter: str | None
) -> InputError:
    """Return an error that names the first faulty line."""
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="latin-1")
    for number, text in enumerate(stream, line):
        row = text.partition("#")[0].strip()
        words = [word.strip() for word in row.split(delimiter)] if row else []
        if "" in words:
            wanted = "wanted a number, nan where nothing was measured"
            return InputError(f"{path}: line {number} has an empty field, {wanted}")
        for word in words:
            if not NUMBER.fullmatch(word):
                return InputError(f"{path}: line {number} holds {quote(word)}, wanted a number")
        if words and len(words) != (width or len(words)):
            return InputError(f"{path}: line {number} has {len(words)} columns, wanted {width}")
        width = width or len(words) or None
    return InputError(f"{path}: from line {line} on is no table, wanted rows of numbers")
