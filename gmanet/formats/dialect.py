"""The dialect of a table in text: what precedes the numbers, and how they are written.

Lines before the numbers may be comments (``#`` or ``//``), lines of words (``X Y Z``), and the
number of rows.  The separator is a semicolon, a comma or white space; decimals are marked by a
point or a comma.  The first rows decide:

- with a semicolon in a row, semicolons separate, and commas mark decimals;
- otherwise, with commas and no decimal point, commas mark decimals if white space separates at
  least three numbers (``1,5 2,5 3,5`` or ``1,5, 2,5, 3,5``);
- all other commas separate, and without semicolons and commas white space does.

Rows in which commas do both (``1,5,2,5,3,5``) are refused where that can be seen.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from gmanet.errors import InputError
from gmanet.formats.source import quote
from gmanet.formats.table import NUMBER

__all__ = ["Head", "plain_numbers", "plain_text", "split_head"]

MARK = codecs.BOM_UTF8
WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
COMMENT = re.compile(rb"(?:#|//)[^\r\n]*")
REMARK = re.compile(r"\s*(?:#|//)+\s*(.*)")
NO_NUMBER = re.compile(rb"[+-]?1\.#\w+|[+-]?nan\([^)\s]*\)", re.I)
"""Spellings of NaN and infinity by Microsoft's C library; ``#`` begins no comment there."""
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)")
TOKEN = re.compile(r"[^\s,;]+")
DECIMAL = re.compile(r"[+-]?\d+(?:,\d+)?(?:e[+-]?\d+)?|[+-]?,\d+|nan", re.I)
"""A number with a decimal comma, or without decimals."""
WHOLE = re.compile(r"\d{1,15}")
TRAILING = re.compile(rb"[;,][ \t]*(?=\r|\n|\Z)")
ZERO_FIRST = re.compile(r"0\d+")
SAMPLE = 64
"""Number of rows that decide on the dialect."""
MOST_WORDS = 100
"""Largest number of lines of words before the numbers."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """What precedes the numbers of a table.

    Args:
        remarks: Comments without their marks, and lines of words, as written.
        words: Lines of words alone, which are no comments.
        promised: Number of rows that a line of its own declares; None without such a line.
        offset: Number of bytes before the first row.
        lines: Number of lines before the first row.
    """

    remarks: tuple[str, ...]
    words: tuple[str, ...]
    promised: int | None
    offset: int
    lines: int


def plain_text(data: bytes) -> bytes:
    """Return text without a byte-order mark; UTF-16 becomes UTF-8, and ``1.#QNAN`` ``nan``."""
    for mark, encoding in WIDE.items():
        if data.startswith(mark):
            data = data[len(mark) :].decode(encoding, "replace").encode()
    data = data.removeprefix(MARK)
    return NO_NUMBER.sub(b"nan", data) if b"1.#" in data or b"(" in data else data


def split_head(data: bytes) -> Head:
    """Return what precedes the numbers of a table.

    A line of words begins with no number and holds more words than numbers.  A whole number alone
    in a line is the number of rows if the next row has three numbers or more.
    """
    remarks: list[str] = []
    words: list[str] = []
    promised: int | None = None
    at = lines = 0
    while at < len(data):
        found = LINE.match(data, at)
        assert found is not None
        line = found[0].decode("latin-1").strip()
        remark = REMARK.fullmatch(line)
        if remark:
            remarks.append(remark[1].strip())
        elif line and len(words) < MOST_WORDS and _is_words(line):
            words.append(line)
            remarks.append(line)
        elif line and promised is None and WHOLE.fullmatch(line) and _is_row(data, found.end()):
            promised = int(line)
        elif line:
            break
        at, lines = found.end(), lines + 1
    return Head(
        remarks=tuple(one for one in remarks if one),
        words=tuple(words),
        promised=promised,
        offset=at,
        lines=lines,
    )


def plain_numbers(path: Path, data: bytes) -> tuple[bytes, str | None]:
    """Return the rows with decimal points, without comments, and the separator of the numbers.

    Args:
        path: Path of the file, named in errors.
        data: Rows of a table.

    Returns:
        The rows, and ``;``, ``,`` or None for white space.

    Raises:
        InputError: Commas separate the numbers and mark their decimals.
    """
    if b"#" in data or b"//" in data:
        data = COMMENT.sub(b"", data)
    if b'"' in data:
        data = data.replace(b'"', b"")
    rows = _sample(data)
    text = "\n".join(rows)
    delimiter, decimal = _separator(text, rows), b"." in data
    if delimiter == ", ":
        data, delimiter = re.sub(rb",[ \t]+", b";", data), ";"
        decimal = False
    if delimiter and rows and rows[0].endswith(delimiter):
        data = TRAILING.sub(b"", data)
    if delimiter == "," and not decimal:
        _refuse_double_commas(path, rows)
    if delimiter != "," and "." not in text and b"," in data:
        data = data.replace(b",", b".")
    return data, delimiter


def _separator(text: str, rows: list[str]) -> str | None:
    """Return the separator; ``", "`` where commas also mark decimals, None for white space."""
    if ";" in text:
        return ";"
    if "," not in text:
        return None
    words = [row.split() for row in rows]
    bare = [word.rstrip(",") for row in words for word in row]
    if "." in text or min(map(len, words)) < 3 or not all(map(DECIMAL.fullmatch, bare)):
        return ","
    if not any("," in word for word in bare):
        return ","
    return ", " if any(word.endswith(",") for row in words for word in row) else None


def _refuse_double_commas(path: Path, rows: list[str]) -> None:
    """Raise an error if whole numbers between commas look like decimals: ``14,204,0,008``."""
    for row in rows:
        words = [word.strip() for word in row.split(",")]
        halves = words[1::2]
        if len(words) % 2 == 0 and len(words) >= 6 and any(map(ZERO_FIRST.fullmatch, halves)):
            found = f"commas in {quote(row)} both separate numbers and mark decimals"
            raise InputError(f"{path}: {found}, wanted ; or a tab between the numbers")


def _is_words(line: str) -> bool:
    """Return whether a line holds words, such as names of columns, instead of a row of numbers."""
    tokens = [token.strip('"') for token in TOKEN.findall(line)]
    numbers = [token for token in tokens if NUMBER.fullmatch(token)]
    first = line.lstrip(' "\t;,')[:1]
    begins = bool(first) and not (first.isdigit() or first in "+-.") and tokens[0] not in numbers
    return begins and 2 * len(numbers) <= len(tokens)


def _is_row(data: bytes, at: int) -> bool:
    """Return whether the next line with numbers has three or more."""
    for found in LINE.finditer(data, at):
        line = found[0].decode("latin-1").strip()
        if line and not REMARK.fullmatch(line) and not _is_words(line):
            return len(TOKEN.findall(line)) >= 3
    return False


def _sample(data: bytes) -> list[str]:
    """Return the first rows that are not blank."""
    rows = []
    for found in LINE.finditer(data):
        if row := found[0].decode("latin-1").strip():
            rows.append(row)
        if len(rows) == SAMPLE:
            break
    return rows
