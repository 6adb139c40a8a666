"""``.tiff`` and ``.tif`` images of coordinates, read by the library tifffile.

A pixel holds ``x y z`` as floats, in one page or in three; a fourth channel or a further page of
the same size may be a mask (``gmanet.formats.organized``).  Packing by Deflate is read; other
packings need the library imagecodecs.  Sub-pages are not read.  Pictures of colors and maps of
depths are refused.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud, Floats
from gmanet.errors import InputError
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.organized import from_grid
from gmanet.formats.source import read_bytes

__all__ = ["read", "read_grid"]

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MAX_RATIO = 1040
"""Largest number of unpacked bytes per packed byte (zlib)."""
Grid = npt.NDArray[Any]


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the file's cloud, not yet checked; its rows are the pixels, line by line.

    Args:
        path: The file.
        label_value: Label of abnormal points in a fourth channel (``gmanet.formats.organized``).

    Raises:
        InputError: The file is no such image, or damaged.
    """
    grid, mask = _pages(path)
    return from_grid(path, grid, mask=mask, label_value=label_value)


def read_grid(path: Path) -> Floats:
    """Return the coordinates, with shape ``(H, W, 3)``.

    Raises:
        InputError: The file is no such image, or damaged.
    """
    grid = _pages(path)[0]
    if grid.ndim != 3 or grid.shape[2] != 3:
        raise InputError(f"{path}: pixels of shape {grid.shape}, wanted (H, W, 3)")
    return np.ascontiguousarray(grid, np.float32)


def _pages(path: Path) -> tuple[Grid, Grid | None]:
    """Return the coordinates, ``(H, W, C)`` or ``(3, H, W)``, and the mask ``(H, W)``, if any."""
    arrays = _arrays(path)
    first, rest = arrays[0], arrays[1:]
    if first.ndim == 2 and 3 <= len(arrays) <= 4 and len({one.shape for one in arrays}) == 1:
        first, rest = np.stack(arrays[:3], axis=2), arrays[3:]
    if first.dtype.kind != "f" and first.dtype not in (np.int16, np.int32):
        wanted = "wanted coordinates as floats; a picture of colors or depths is no scan"
        raise InputError(f"{path}: pixels hold {first.dtype} of shape {first.shape}, {wanted}")
    if len(rest) > 1 or any(one.shape not in (first.shape[:2], first.shape[1:]) for one in rest):
        raise InputError(f"{path}: {len(arrays)} pictures, wanted one of x y z, and a mask at most")
    return first, rest[0] if rest else None


def _arrays(path: Path) -> list[Grid]:
    """Return all pictures of a file."""
    from tifffile import TiffFile

    data = read_bytes(path, path.suffix.lower())
    if not data.startswith(MAGIC):
        raise InputError(f"{path}: does not begin like a TIFF file, wanted one")
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # damage is said by our errors
    try:
        # An OME file could name further files, which would be opened.
        with TiffFile(io.BytesIO(data), is_ome=False) as file:
            series = [one for one in file.series if not one.keyframe.is_subifd]
            for one in series:
                _check(path, one, size=len(data))
            arrays = [np.asarray(one.asarray(maxworkers=1)) for one in series]
    except InputError:
        raise
    except Exception as error:  # tifffile raises many kinds of errors on damaged files
        said = str(error).strip("'\" ").partition("\n")[0][:120] or type(error).__name__
        raise InputError(f"{path}: is no whole TIFF file ({said})") from None
    if not arrays:
        raise InputError(f"{path}: holds no picture, wanted one of coordinates")
    return arrays


def _check(path: Path, series: Any, *, size: int) -> None:
    """Raise an error if a picture promises more than a file of ``size`` bytes can hold."""
    pages = [page for page in series.pages if page is not None]
    shape = tuple(series.shape)
    pixels = " x ".join(map(str, shape[:3]))
    held = min(size, sum(sum(page.databytecounts) for page in pages))
    ratio = 1 if all(int(page.compression) == 1 for page in pages) else MAX_RATIO
    wanted = int(np.prod(shape, dtype=object)) * series.dtype.itemsize
    if len(shape) > 4 or wanted > ratio * held:
        raise InputError(f"{path}: {held} bytes of data for {pixels} pixels, wanted {wanted}")
    if any(int(page.photometric) in (32844, 32845) for page in pages):
        raise InputError(
            f"{path}: holds colors (LogLuv), wanted floats as they are; with OpenCV, "
            "cv2.imwrite(path, xyz, [cv2.IMWRITE_TIFF_COMPRESSION, 1])"
        )
