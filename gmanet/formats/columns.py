"""Clouds from named columns of a file.

``x y z`` are required; ``normal_x normal_y normal_z`` (or ``nx ny nz``) and a field of labels
(``gmanet.formats.labels``) are optional; all other columns are ignored.  Unmeasured points are left
out (``gmanet.formats.unmeasured``), and coordinates far from the origin are centered
(``gmanet.formats.centering``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.cloud import MIN_POINTS, Cloud, Floats
from gmanet.errors import InputError
from gmanet.formats.centering import centered
from gmanet.formats.labels import LABEL_VALUE, UNCLEAR, find_label, no_label, unread
from gmanet.formats.unmeasured import measured

__all__ = ["Column", "as_cloud", "as_normals", "assemble"]

Column = npt.NDArray[Any]

POS = ("x", "y", "z")
NORMALS = (("normal_x", "normal_y", "normal_z"), ("nx", "ny", "nz"))
UNIT = 1e-3
"""Difference from length 1 below which normals are not rescaled."""


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


def as_cloud(
    path: Path,
    columns: Mapping[str, Column],
    *,
    label_value: float = LABEL_VALUE,
    field: str = "",
) -> Cloud:
    """Return the cloud, named after the file, not yet checked.

    Args:
        path: Source file, named in errors.
        columns: Values by lower-case name, each with shape ``(N,)``.
        label_value: Label of abnormal points in the file.
        field: Name of the labels in notes; empty for their name in the file.

    Raises:
        InputError: ``x``, ``y`` or ``z`` is missing, or too few points were measured.
    """
    if any(name not in columns for name in POS):
        found = " ".join(columns) or "none"
        raise InputError(f"{path}: the columns are {found[:200]}, wanted x y z among them")
    pos = np.stack([columns[name].astype(np.float64) for name in POS], axis=1)
    normal = None
    for names in NORMALS:
        if normal is None and all(name in columns for name in names):
            normal = np.stack([columns[name] for name in names], axis=1)
    name = find_label(columns)
    label = None if name is None else columns[name]
    said = field or f"the field {name}"
    cloud = assemble(path, pos, label=label, normal=normal, field=said, label_value=label_value)
    unclear = find_label(columns, UNCLEAR) if name is None else None
    # The last of four unnamed columns is read as labels.
    if name is None and len(columns) == len(POS) + 1:
        unclear = next(one for one in columns if one not in POS)
    notes = cloud.notes if unclear is None else (*cloud.notes, f"{path}: {unread(unclear)}")
    return cloud.replace(notes=notes)


def assemble(
    path: Path,
    pos: Column,
    *,
    label: Column | None = None,
    normal: Column | None = None,
    field: str = "label",
    label_value: float = LABEL_VALUE,
) -> Cloud:
    """Return the cloud of a file's arrays, named after the file, not yet checked.

    Args:
        path: Source file, named in errors.
        pos: Coordinates of all points of the file, with shape ``(N, 3)``.
        label: Candidate labels, with shape ``(N,)``; dropped with a note if they are invalid.
        normal: Vectors of any length, with shape ``(N, 3)``.
        field: Name of the labels in notes.
        label_value: Label of abnormal points in the file.

    Raises:
        InputError: Too few points were measured.
    """
    pos, notes = pos.astype(np.float64), []
    seen = measured(pos)
    rows, count = None, len(pos)
    if not seen.mask.all():
        rows = np.flatnonzero(seen.mask)
        lost = f"{count - len(rows)} of {count} points were never measured ({seen.found})"
        if len(rows) < MIN_POINTS:
            found = f"{len(rows)} points, wanted at least {MIN_POINTS}"
            raise InputError(f"{path}: {found}; {lost}")
        notes.append(f"{path}: {lost} and are left out")
        pos = pos[rows]
        label, normal = (None if one is None else one[rows] for one in (label, normal))
    if label is not None and (reason := no_label(label, field, value=label_value)):
        notes.append(f"{path}: {reason}")
        label = None
    place, origin = centered(pos)
    return Cloud(
        place,
        None if label is None else np.asarray(label == label_value),
        normal=None if normal is None else as_normals(normal),
        name=path.stem,
        origin=origin,
        notes=tuple(notes),
        rows=rows,
        file_points=0 if rows is None else count,
    )
