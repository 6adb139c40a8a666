"""Organized scans: a picture whose pixels hold coordinates, as cameras and line scanners give them.

A pixel was not measured if its coordinates are NaN or ``0 0 0``, or if a mask is 0 there.  The rows
of the cloud are those of the pixels, line by line (``Cloud.rows``).  A fourth channel of 0 and
another value is a mask if it marks more than half of the pixels with coordinates; otherwise,
further channels are columns as in a table without names (``gmanet.formats.roles``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats.columns import assemble
from gmanet.formats.labels import LABEL_VALUE, MOST
from gmanet.formats.text import from_table

__all__ = ["from_grid"]

DEEPEST = 64
"""Largest number of channels of a pixel."""


def from_grid(
    path: Path,
    grid: npt.NDArray[Any],
    *,
    mask: npt.NDArray[Any] | None = None,
    label_value: float = LABEL_VALUE,
) -> Cloud:
    """Return the cloud of an organized scan, not yet checked.

    Args:
        path: Source file, named in errors.
        grid: Coordinates and further channels, with shape ``(H, W, C)`` or ``(3, H, W)``.
        mask: Numbers that are 0 where nothing was measured, with shape ``(H, W)``.
        label_value: Label of abnormal points in the file.

    Raises:
        InputError: There are no three coordinates in a pixel, or too few pixels were measured.
    """
    if grid.ndim == 3 and grid.shape[0] == 3 and not 3 <= grid.shape[2] <= DEEPEST:
        grid = np.moveaxis(grid, 0, 2)
    if grid.ndim != 3 or not 3 <= grid.shape[2] <= DEEPEST:
        wanted = "wanted (H, W, 3) with x y z in each pixel; a depth map has to be saved as points"
        raise InputError(f"{path}: pixels of shape {grid.shape}, {wanted}")
    table = grid.reshape(-1, grid.shape[2]).astype(np.float64)
    missing = ~np.isfinite(table[:, :3]).all(axis=1)
    zero = (table[:, :3] == 0).all(axis=1)
    if mask is None and table.shape[1] == 4 and _is_mask(table[~missing & ~zero, 3]):
        mask, table = table[:, 3], table[:, :3]
    if mask is not None:
        missing |= np.asarray(mask).reshape(-1) == 0
    if zero.sum() == 1:  # repeated ones are found and said by themselves
        missing |= zero
    table[missing, :3] = np.nan
    if table.shape[1] == 3:
        return assemble(path, table, label_value=label_value)
    return from_table(path, table, label_value=label_value)


def _is_mask(values: npt.NDArray[np.float64]) -> bool:
    """Return whether a channel of the pixels with coordinates marks the measured ones."""
    return len(np.unique(values[values != 0])) == 1 and float(np.mean(values != 0)) > MOST
