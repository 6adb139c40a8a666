"""Ways in which files come damaged; each is a function of the bytes and a random generator."""

from __future__ import annotations

import re
from itertools import permutations

import numpy as np

WORDS = [b"x", b"nan", b"-", b"1e999", b"0x7", b"\xc2\xb5", b"NULL", b"1,5", b""]
NUMBER = re.compile(rb"(?<![\w.])\d+(?![\w.])")
ORDERS = {b"little_endian": b"big_endian", b"'<f4'": b"'>f4'", b"II*\0": b"MM\0*"}
BODIES = {b"DATA binary\n": 0, b"end_header\n": 0, b"II*\0": 8, b"made by hand": 84}
"""What stands before the numbers, or somewhere in a head of so many bytes."""
FIELDS = re.compile(rb"(?m)^FIELDS (.*)$|^property float [xyz]$")


def _at(data, rng):
    return int(rng.integers(len(data)))


def truncated(data, rng):
    return data[: _at(data, rng)]


def empty(_data, _rng):
    return b""


def flipped(data, rng):
    """Up to four bytes have other values."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        out[_at(data, rng)] ^= int(rng.integers(1, 256))
    return bytes(out)


def lost(data, rng):
    """A few bytes are missing."""
    at = _at(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 60)) :]


def inserted(data, rng):
    """Eight bytes are there that do not belong there."""
    at = _at(data, rng)
    return data[:at] + bytes(rng.integers(0, 256, 8, np.uint8)) + data[at:]


def line_lost(data, rng):
    lines = data.split(b"\n")
    del lines[int(rng.integers(len(lines)))]
    return b"\n".join(lines)


def line_twice(data, rng):
    lines = data.split(b"\n")
    line = int(rng.integers(len(lines)))
    return b"\n".join([*lines[:line], lines[line], *lines[line:]])


def _renumbered(data, rng, value):
    """One of the whole numbers at the beginning is another."""
    found = list(NUMBER.finditer(data, 0, 400))
    if not found:
        at = _at(data[:100], rng)
        return data[:at] + value.to_bytes(8, "little")[:4] + data[at + 4 :]
    one = found[rng.integers(len(found))]
    return data[: one.start()] + b"%d" % value + data[one.end() :]


def wrong_count(data, rng):
    return _renumbered(data, rng, int(rng.integers(0, 300)))


def huge_header(data, rng):
    return _renumbered(data, rng, 10 ** int(rng.integers(6, 16)))


def swapped_columns(data, rng):
    """Two columns of the table, or two names in the header, stand in each other's place."""
    if FIELDS.search(data):
        a, b = rng.choice([b"x", b"y", b"z"], 2, replace=False)
        swap = {a: b, b: a}
        head, end, body = data.partition(b"DATA") if b"FIELDS" in data else data.partition(b"end_")
        names = re.sub(rb"\b[xyz]\b", lambda found: swap.get(found[0], found[0]), head)
        return names + end + body
    separator = b"," if b"," in data[:99] else b" "
    rows = [row.split(separator) for row in data.split(b"\n")]
    width = len(rows[0])
    if width < 2:
        return data
    a, b = rng.choice(width, 2, replace=False)
    for row in rows:
        if len(row) == width:
            row[a], row[b] = row[b], row[a]
    return b"\n".join(separator.join(row) for row in rows)


def text_in_numbers(data, rng):
    """A word stands where a number was."""
    found = list(re.finditer(rb"[-+.\de]+", data))
    if not found:
        return WORDS[0] + data
    one = found[rng.integers(len(found))]
    return data[: one.start()] + WORDS[rng.integers(len(WORDS))] + data[one.end() :]


def other_endianness(data, rng):
    """The file says the other order, or all words of four bytes after its head are turned round."""
    for mark, other in ORDERS.items():
        if mark in data and rng.random() < 0.5:
            return data.replace(mark, other, 1)
    for mark, head in BODIES.items():
        if mark in data:
            at = head or data.find(mark) + len(mark)
            count = (len(data) - at) // 4
            words = np.frombuffer(data, "<u4", count, at).byteswap().tobytes()
            return data[:at] + words + data[at + 4 * count :]
    return data.decode("latin-1").encode("utf-16-be")


DAMAGES = (
    truncated,
    empty,
    flipped,
    lost,
    inserted,
    line_lost,
    line_twice,
    wrong_count,
    huge_header,
    swapped_columns,
    text_in_numbers,
    other_endianness,
)
AXES = [list(axes) for axes in permutations(range(3))]
