"""Named columns of a file become a cloud.

``x y z`` are wanted; ``normal_x normal_y normal_z`` (or ``nx ny nz``) and ``label`` (or
``scalar_label``) are read where they are present; all others are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud, Floats, Labels
from gmanet.errors import InputError

__all__ = ["Column", "as_cloud", "as_labels", "as_normals"]

Column = npt.NDArray[Any]

POS = ("x", "y", "z")
NORMALS = (("normal_x", "normal_y", "normal_z"), ("nx", "ny", "nz"))
LABELS = ("label", "scalar_label")
UNIT = 1e-3
"""Normals this close to length 1 stay as they are."""


def as_labels(path: Path, values: Column) -> Labels:
    """Return True where the value is not zero, with shape ``(N,)``.

    Raises:
        InputError: A value is not a whole number.
    """
    bad = np.flatnonzero(~np.isfinite(values) | (values != np.floor(values)))
    if len(bad):
        first = bad[0]
        raise InputError(
            f"{path}: label {values[first]} at point {first + 1}, wanted 0 (normal) or 1 (abnormal)"
        )
    return values.astype(np.bool_)


def as_normals(values: Column) -> Floats | None:
    """Return unit normals with shape ``(N, 3)``; None if one of them has no direction.

    Args:
        values: Vectors of any length, with shape ``(N, 3)``.
    """
    length = np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True)
    if not np.all(np.isfinite(length) & (length > 0)):
        return None
    scale = np.where(np.abs(length - 1) < UNIT, 1.0, length)
    return (values / scale).astype(np.float32)


def as_cloud(path: Path, columns: Mapping[str, Column]) -> Cloud:
    """Return the cloud, named after the file, not yet checked.

    Args:
        path: Where the columns come from.
        columns: Values by lower-case name, each with shape ``(N,)``.

    Raises:
        InputError: ``x``, ``y`` or ``z`` is missing, or a label is not a whole number.
    """
    if any(name not in columns for name in POS):
        found = " ".join(columns) or "none"
        raise InputError(f"{path}: the columns are {found[:200]}, wanted x y z among them")
    pos = np.stack([columns[name].astype(np.float32) for name in POS], axis=1)
    label, normal = None, None
    for name in LABELS:
        if label is None and name in columns:
            label = as_labels(path, columns[name])
    for names in NORMALS:
        if normal is None and all(name in columns for name in names):
            normal = as_normals(np.stack([columns[name] for name in names], axis=1))
    return Cloud(pos, label, normal, name=path.stem)
