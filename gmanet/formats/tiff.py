"""``.tiff`` images of coordinates: three 32-bit floats per pixel, uncompressed (MVTec 3D-AD).

Pillow does not read such images.  Any other kind of TIFF file is refused.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from gmanet.cloud import Floats
from gmanet.errors import InputError
from gmanet.formats.source import read_bytes

__all__ = ["read_grid"]

WIDTH, HEIGHT, BITS, PACKING, STRIPS, CHANNELS, LENGTHS, PLANES, PREDICTOR, KIND = (
    *(256, 257, 258, 259, 273, 277),
    *(279, 284, 317, 339),
)
WANTED = {
    BITS: ((32, 32, 32), "bits a value"),
    PACKING: ((1,), "packing"),
    CHANNELS: ((3,), "values a pixel"),
    PLANES: ((1,), "order of the planes"),
    PREDICTOR: ((1,), "predictor"),
    KIND: ((3, 3, 3), "kind of values"),
}
USUAL = {PLANES: (1,), PREDICTOR: (1,), PACKING: (1,)}
TYPES = {3: "H", 4: "I"}


def read_grid(path: Path) -> Floats:
    """Return the coordinates, with shape ``(H, W, 3)``.

    Raises:
        InputError: The file is no such image, or damaged.
    """
    data = read_bytes(path, ".tiff")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        raise InputError(f"{path}: does not begin like a TIFF file, wanted one")
    tags = _tags(path, data, order=order)
    for tag, (wanted, meaning) in WANTED.items():
        said = tags.get(tag, USUAL.get(tag))
        if said != wanted:
            raise InputError(f"{path}: {meaning}: {said}, wanted {wanted} (three floats, unpacked)")
    sizes = [tags.get(tag, ()) for tag in (HEIGHT, WIDTH)]
    if any(len(size) != 1 or size[0] < 1 for size in sizes):
        raise InputError(f"{path}: no height and width, wanted those of a picture")
    height, width = sizes[0][0], sizes[1][0]
    starts, lengths = tags.get(STRIPS, ()), tags.get(LENGTHS, ())
    total = height * width * 12
    if len(starts) != len(lengths) or sum(lengths) != total:
        found = f"{len(starts)} strips of {sum(lengths)} bytes"
        raise InputError(f"{path}: {found}, wanted {total} for {height} x {width} pixels")
    places = sorted(zip(starts, lengths, strict=True))
    taken = 8
    for start, length in places:
        if start < taken or start + length > len(data):
            raise InputError(f"{path}: strip at byte {start}, wanted one in a place of its own")
        taken = start + length
    strips = (data[start : start + length] for start, length in zip(starts, lengths, strict=True))
    grid = np.frombuffer(b"".join(strips), f"{order}f4").reshape(height, width, 3)
    return grid.astype(np.float32)


def _tags(path: Path, data: bytes, *, order: str) -> dict[int, tuple[int, ...]]:
    """Return the values of the first image's integer tags, by tag."""
    at = struct.unpack_from(f"{order}I", data, 4)[0]
    try:
        count = struct.unpack_from(f"{order}H", data, at)[0]
        entries = [struct.unpack_from(f"{order}HHI4s", data, at + 2 + 12 * i) for i in range(count)]
        tags = {}
        for tag, kind, length, value in entries:
            if kind in TYPES:
                size = struct.calcsize(TYPES[kind]) * length
                place = struct.unpack(f"{order}I", value)[0]
                if place + size > len(data) and size > 4:
                    raise InputError(f"{path}: tag {tag} lies outside of the file")
                source, start = (value, 0) if size <= 4 else (data, place)
                tags[tag] = struct.unpack_from(f"{order}{length}{TYPES[kind]}", source, start)
    except struct.error:
        raise InputError(f"{path}: its list of tags is cut off, wanted a whole TIFF file") from None
    return tags
