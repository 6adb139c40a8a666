"""``.npz``: NumPy arrays ``pos`` (or ``points``), and optionally ``label`` and ``normal``.

The array of labels may have any of the names in ``gmanet.formats.labels``.

``numpy.load`` is not used: it allocates the size in an array's header before it reads the data.
Nothing is unpickled.
"""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats.columns import Column, assemble
from gmanet.formats.labels import LABEL_VALUE, find_label
from gmanet.formats.source import read_bytes

__all__ = ["read", "read_array", "write"]

MAX_RATIO = 200
"""Largest accepted ratio of an archive's unpacked size to the size of the file."""

HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read(path: Path, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the file's cloud, not yet checked.

    Args:
        path: The file.
        label_value: Label of abnormal points (``gmanet.formats.labels``).

    Raises:
        InputError: The file is not an archive of NumPy arrays, is damaged, has no ``pos``, or its
            arrays have other shapes or types.
    """
    data = read_bytes(path, ".npz")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        names = {name.removesuffix(".npy"): name for name in archive.namelist()}
    except Exception as error:  # zipfile raises a dozen kinds on damaged archives
        raise InputError(f"{path}: is no whole .npz archive ({error})") from None
    key = next((key for key in ("pos", "points") if key in names), None)
    if key is None and {"score", "object_score"} <= set(names):
        raise InputError(f"{path}: was written by gmanet predict, wanted a scan")
    if key is None:
        found = ", ".join(names)[:200] or "nothing"
        raise InputError(f"{path}: holds {found}, wanted an array pos")
    marks = find_label(names) or "label"
    arrays = {}
    for name in (key, marks, "normal"):
        if name in names:
            packed = _member(path, archive, member=names[name], limit=MAX_RATIO * len(data))
            arrays[name] = read_array(path, packed, names[name])
    count = len(arrays[key]) if arrays[key].ndim else 0
    for name, shape in ((key, (count, 3)), (marks, (count,)), ("normal", (count, 3))):
        if name in arrays and arrays[name].shape != shape:
            wanted = "(N, 3)" if name == key else str(shape)
            raise InputError(f"{path}: {name} has shape {arrays[name].shape}, wanted {wanted}")
    return assemble(
        path,
        arrays[key],
        label=arrays.get(marks),
        normal=arrays.get("normal"),
        field=f"the array {marks}",
        label_value=label_value,
    )


def write(path: Path, cloud: Cloud) -> None:
    """Write ``pos`` (doubles if the origin is not zero) and, if known, ``label`` and ``normal``."""
    pos = cloud.positions() if any(cloud.origin) else cloud.pos
    known = {"pos": pos, "label": cloud.label, "normal": cloud.normal}
    arrays: dict[str, Any] = {name: array for name, array in known.items() if array is not None}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def read_array(path: Path, data: bytes, name: str, *, records: bool = False) -> Column:
    """Return an array in NumPy's format, after a check that header and data agree.

    Args:
        path: Path of the file, named in errors.
        data: Header and numbers of the array.
        name: Name of the array in errors.
        records: Whether the array may hold records of numbers with names.

    Raises:
        InputError: The bytes are no array of numbers, or damaged.
    """
    stream = io.BytesIO(data)
    try:
        shape, fortran, dtype = HEADERS[np.lib.format.read_magic(stream)](stream)
    except Exception as error:  # the header is a Python literal; parsing may raise any error
        raise InputError(f"{path}: {name} has no array header ({error})") from None
    kinds = [one[0].base for one in (dtype.fields or {}).values()] if records else []
    if dtype.subdtype is not None or not all(one.kind in "fiub" for one in kinds or [dtype]):
        raise InputError(f"{path}: {name} holds {dtype}, wanted numbers")
    found = len(data) - stream.tell()
    if math.prod(shape) * dtype.itemsize != found or min(shape, default=0) < 0:
        raise InputError(f"{path}: {name} promises shape {shape}, but holds {found} bytes")
    values = np.frombuffer(data, dtype, offset=stream.tell())
    return values.reshape(shape, order="F" if fortran else "C")


def _member(path: Path, archive: zipfile.ZipFile, *, member: str, limit: int) -> bytes:
    """Return one member's bytes, never more than ``limit``."""
    info = archive.getinfo(member)
    # Other compression methods unpack without a limit on memory.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{path}: {member} is packed in another way than NumPy does")
    if info.file_size > limit:
        raise InputError(
            f"{path}: {member} promises {info.file_size} bytes, wanted at most {limit}"
        )
    try:
        with archive.open(info) as file:
            data = file.read(info.file_size)
            file.read(1)  # zipfile verifies the checksum at the end
    except Exception as error:  # zipfile and zlib raise a dozen kinds on damaged archives
        raise InputError(f"{path}: {member} is damaged ({error})") from None
    if len(data) != info.file_size:
        raise InputError(f"{path}: {member} holds {len(data)} bytes, wanted {info.file_size}")
    return data
