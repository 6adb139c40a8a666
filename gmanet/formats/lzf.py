"""LZF decompression, the packing inside of ``DATA binary_compressed``.

A control byte below 32 is followed by that many literal bytes and one more.  Otherwise its upper
three bits are a length (7: a further byte adds to it), its lower five and the next byte are a
distance back into what was already unpacked; the copy may run into itself.
"""

from __future__ import annotations

__all__ = ["MAX_RATIO", "decompress"]

MAX_RATIO = 88
"""No byte unpacks to more: three bytes stand for at most 264."""


def decompress(data: bytes, size: int) -> bytes:
    """Return the unpacked bytes.

    Args:
        data: Packed bytes.
        size: Number of bytes they have to yield.

    Raises:
        ValueError: The packed bytes are damaged or yield another number; names the byte.
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
    """Append ``length`` bytes that begin ``distance`` bytes before the end."""
    first = len(out) - distance
    if first < 0:
        raise ValueError(f"packed data at byte {start} refer to {-first} bytes before the start")
    if distance >= length:
        out += out[first : first + length]
    else:
        out += (out[first:] * (length // distance + 1))[:length]
