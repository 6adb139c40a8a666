"""LZF decompression, as needed for PCD files with ``DATA binary_compressed``.

A control byte ``c`` below 32 precedes ``c + 1`` literal bytes.  Otherwise the upper three bits of
``c`` encode a length (7: a further byte is added to the length); the lower five bits and the next
byte encode a distance back into the output, from which bytes are copied.  The source of the copy
may overlap its destination.
"""

from __future__ import annotations

__all__ = ["MAX_RATIO", "decompress"]

MAX_RATIO = 88
"""Largest number of unpacked bytes per packed byte: three bytes encode at most 264."""


def decompress(data: bytes, size: int) -> bytes:
    """Return the unpacked bytes.

    Args:
        data: Packed bytes.
        size: Expected number of unpacked bytes.

    Raises:
        ValueError: The packed bytes are damaged or do not unpack to ``size`` bytes.
    """
    out = bytearray()
    at, end = 0, len(data)
    while at < end and len(out) <= size:
        start, control = at, data[at]
        at += 1
        if control < 32:
            at += control + 1
            out += data[start + 1 : at]
        else:
            length = control >> 5
            if length == 7 and at < end:
                length += data[at]
                at += 1
            if at < end:
                _copy_back(
                    out, ((control & 31) << 8 | data[at]) + 1, length=length + 2, start=start
                )
            at += 1
        if at > end:
            raise ValueError(f"packed data end inside of the run at byte {start}")
    if len(out) != size:
        raise ValueError(f"packed data yield {len(out)} bytes or more, wanted {size}")
    return bytes(out)


def _copy_back(out: bytearray, distance: int, *, length: int, start: int) -> None:
    """Append ``length`` bytes, copied from ``distance`` bytes before the end of ``out``."""
    first = len(out) - distance
    if first < 0:
        raise ValueError(f"packed data at byte {start} refer to {-first} bytes before the start")
    if distance >= length:
        out += out[first : first + length]
    else:
        out += (out[first:] * (length // distance + 1))[:length]
