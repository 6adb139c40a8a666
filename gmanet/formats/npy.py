"""``.npy``: one NumPy array of points, of pixels, or of records with names.

- ``(N, 3)`` coordinates; further columns as in a table without names (``gmanet.formats.roles``);
- ``(H, W, 3)`` an organized scan (``gmanet.formats.organized``);
- ``(N,)`` records with the fields ``x y z`` and others, as the columns of a table with names.

Nothing is unpickled.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats.columns import as_cloud
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.npz import read_array
from gmanet.formats.organized import from_grid
from gmanet.formats.source import read_bytes
from gmanet.formats.text import from_table

__all__ = ["read"]

MOST_COLUMNS = 64


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the file's cloud, not yet checked.

    Args:
        path: The file.
        label_value: Label of abnormal points (``gmanet.formats.labels``).

    Raises:
        InputError: The file is no array of numbers, is damaged, or has another shape.
    """
    array = read_array(path, read_bytes(path, ".npy"), "the array", records=True)
    if array.dtype.names and array.ndim == 1:
        columns = {name.lower(): array[name] for name in array.dtype.names}
        flat = {name: values for name, values in columns.items() if values.ndim == 1}
        return as_cloud(path, flat, label_value=label_value)
    if array.ndim == 3 and not array.dtype.names:
        return from_grid(path, array, label_value=label_value)
    if array.ndim != 2 or array.dtype.names or not 3 <= array.shape[1] <= MOST_COLUMNS:
        wanted = "wanted (N, 3) points or (H, W, 3) pixels"
        raise InputError(f"{path}: the array has shape {array.shape}, {wanted}")
    if array.shape[1] == 3:
        return as_cloud(path, dict(zip("xyz", array.T, strict=True)), label_value=label_value)
    return from_table(path, array.astype(np.float64), label_value=label_value)
