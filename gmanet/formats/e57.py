"""``.e57`` (ASTM E2807), read by the library pye57, which the extra ``gmanet[e57]`` installs.

The scans of a file are put together in its own coordinates, one after the other.  Points that the
scanner marked as invalid were never measured; colors and intensities are not read.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from gmanet.cloud import Cloud, Doubles
from gmanet.errors import InputError
from gmanet.formats.columns import assemble
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.source import read_bytes

__all__ = ["read"]

MAGIC = b"ASTM-E57"
MOST_PER_BYTE = 64
"""Largest number of points per byte of a file; constant coordinates take hardly any space."""
CARTESIAN = ("cartesianX", "cartesianY", "cartesianZ")
SPHERICAL = ("sphericalRange", "sphericalAzimuth", "sphericalElevation")
INVALID = ("cartesianInvalidState", "sphericalInvalidState")


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the cloud of all scans of the file, not yet checked.

    Args:
        path: The file.
        label_value: Ignored, since E57 files have no labels.

    Raises:
        InputError: pye57 is not installed, or the file is no E57 file, is damaged or holds no scan.
    """
    if not read_bytes(path, ".e57", limit=len(MAGIC)).startswith(MAGIC):
        raise InputError(f"{path}: does not begin like an E57 file, wanted one")
    try:
        library: Any = importlib.import_module("pye57")
    except ImportError:
        wanted = 'wanted it installed: python -m pip install "gmanet[e57]"'
        raise InputError(f"{path}: .e57 is read by the library pye57, {wanted}") from None
    most = MOST_PER_BYTE * path.stat().st_size
    try:
        with library.E57(str(path)) as file:
            scans = [_scan(path, file, index=index, most=most) for index in range(file.scan_count)]
    except InputError:
        raise
    except Exception as error:  # libE57 raises errors of its own kinds
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(f"{path}: is no whole E57 file ({first[:120]})") from None
    if not scans:
        raise InputError(f"{path}: holds no scan, wanted one")
    return assemble(path, np.concatenate(scans))


def _scan(path: Path, file: Any, *, index: int, most: int) -> Doubles:
    """Return the coordinates of a scan in those of the file, NaN where invalid, ``(N, 3)``."""
    header = file.get_header(index)
    if header.point_count > most:
        raise InputError(f"{path}: {header.point_count} points promised, wanted at most {most}")
    if header.point_count == 0:
        return np.zeros((0, 3))
    fields = file.read_scan_raw(index, ignore_unsupported_fields=True)
    if all(name in fields for name in CARTESIAN):
        pos = np.stack([fields[name] for name in CARTESIAN], axis=1).astype(np.float64)
    elif all(name in fields for name in SPHERICAL):
        reach, azimuth, elevation = (fields[name].astype(np.float64) for name in SPHERICAL)
        flat = reach * np.cos(elevation)
        pos = np.stack(
            [flat * np.cos(azimuth), flat * np.sin(azimuth), reach * np.sin(elevation)], axis=1
        )
    else:
        raise InputError(f"{path}: scan {index + 1} has no coordinates, wanted x y z")
    for name in INVALID:
        if name in fields:
            pos[fields[name] != 0] = np.nan
    if not header.has_pose():
        return pos
    return np.asarray(pos @ np.asarray(header.rotation_matrix).T + np.asarray(header.translation))
