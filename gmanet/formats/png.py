"""``.png`` images with one number per pixel: masks and depth maps."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.errors import InputError
from gmanet.formats.source import read_bytes

__all__ = ["read_picture"]

MAGIC = b"\x89PNG\r\n\x1a\n"
MAX_RATIO = 1040
"""Largest number of unpacked bytes per packed byte (zlib)."""


def read_picture(path: Path) -> npt.NDArray[Any]:
    """Return the values of the pixels, with shape ``(H, W)``: the maximum over the channels.

    Raises:
        InputError: The file is no PNG image, or damaged.
    """
    from PIL import Image

    data = read_bytes(path, ".png")
    if not data.startswith(MAGIC):
        raise InputError(f"{path}: does not begin like a PNG file, wanted one")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            width, height = image.size
            if width * height > MAX_RATIO * 8 * len(data):
                raise InputError(
                    f"{path}: {len(data)} bytes can not hold {width} x {height} pixels"
                )
            image.verify()  # verifies the checksums, which decoding ignores
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            pixels = np.array(image.convert("RGB") if image.mode == "P" else image)
    except InputError:
        raise
    except Exception as error:  # Pillow raises half a dozen types of errors on damaged files
        raise InputError(f"{path}: is no whole PNG picture ({error})") from None
    return pixels if pixels.ndim == 2 else pixels[..., :3].max(axis=2)
