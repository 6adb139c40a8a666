"""Conversion of CloudCompare annotations to label files of the IEC3D-AD layout (§III-C).

CloudCompare stores labels as a scalar field, and saves the field as a column: in ``.txt`` under its
name in a first line ``//X Y Z … name``, or as the last column if there is no such line; in ``.ply``
as the property ``scalar_name``; in ``.pcd`` as the field ``name``.  Points whose value is NaN, as
after merging with a cloud without the field, are normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from gmanet.cloud import Cloud
from gmanet.datasets.loaders.correspondence import match_rows
from gmanet.datasets.loaders.truth import as_flags
from gmanet.errors import InputError, note
from gmanet.formats import list_files, pcd, ply, read_cloud, write_cloud
from gmanet.formats.columns import Column, assemble
from gmanet.formats.labels import NAMES as LABELS
from gmanet.formats.labels import UNCLEAR, find_label, plain_name
from gmanet.formats.source import quote
from gmanet.formats.text import read_sheet

__all__ = ["ENDINGS", "convert_annotations", "read_annotation", "write_gt"]

NAMES = (*LABELS, *UNCLEAR)
"""Accepted names of the column, without ``scalar_``; the first that occurs in a file is taken.

The last three are ambiguous in a scan, but mean labels in an annotated file.
"""
GEOMETRY = ("x", "y", "z")
READERS = {".pcd": pcd.read_columns, ".ply": ply.read_columns}
TEXTS = (".txt", ".xyz", ".asc")
ENDINGS = (*TEXTS, *READERS)
"""Extensions of the files that CloudCompare saves and this module reads."""
SAME = 1e-3
"""Largest distance of a point of the annotated scan from the original scan, in diameters."""


def read_annotation(path: Path, name: str | None = None) -> Cloud:
    """Return the annotated cloud, with labels in the order of the file's points.

    Args:
        path: A ``.txt``, ``.xyz``, ``.asc``, ``.ply`` or ``.pcd`` file saved by CloudCompare.
        name: Name of the scalar field, if it is none of the accepted names.

    Raises:
        InputError: The file cannot be read, has no such column, or has values other than 0 and 1.
    """
    ending = path.suffix.lower()
    if ending in READERS:
        columns = READERS[ending](path)
    elif ending in TEXTS:
        columns = _text_columns(path)
    else:
        wanted = ".txt, .xyz, .asc, .ply or .pcd"
        raise InputError(f"{path}: ending {ending!r}, wanted {wanted} as saved by CloudCompare")
    values = np.asarray(columns[_chosen(path, columns, name=name)], np.float64)
    if np.isnan(values).all():
        raise InputError(f"{path}: no point has a label, wanted 0 or 1")
    values = np.where(np.isnan(values), 0, values)
    cloud = assemble(path, np.stack([columns[axis] for axis in GEOMETRY], axis=1))
    rows = slice(None) if cloud.rows is None else cloud.rows
    return cloud.replace(label=as_flags(path, values[rows])).checked(str(path))


def write_gt(category: Path, cloud: Cloud) -> Path:
    """Return the label file ``<category>/gt/<name>.txt`` after writing ``x y z label`` rows.

    The rows hold the coordinates of the scan, in the order of the scan, because CloudCompare may
    have rounded those of the annotation.

    Args:
        category: A category's folder in the IEC3D-AD layout.
        cloud: A cloud with labels, with the name of its scan ``<category>/test/<name>.pcd``.

    Raises:
        InputError: The scan is missing or has other points, the cloud has no abnormal point or
            ``good`` in its name, or the file cannot be written.
    """
    path = category / "gt" / f"{cloud.name}.txt"
    write_cloud(path, _labeled(category, cloud).replace(normal=None))
    return path


def _labeled(category: Path, cloud: Cloud) -> Cloud:
    """Return the scan with the name of an annotated cloud, and with the labels of that cloud."""
    scan = category / "test" / f"{cloud.name}.pcd"
    if not scan.is_file():
        there = ", ".join(path.name for path in list_files(scan.parent, (".pcd",)))
        raise InputError(f"{scan}: no such file, wanted one of: {there[:200] or 'none there'}")
    whole = read_cloud(scan)
    if len(cloud) != len(whole):
        raise InputError(
            f"{cloud.name}: {len(cloud)} labels, wanted {len(whole)} as points in {scan}"
        )
    if cloud.label is None or not cloud.label.any():
        raise InputError(f"{cloud.name}: no point is marked abnormal, wanted some or no label file")
    if "good" in cloud.name.lower():
        raise InputError(f"{cloud.name}: is called good, wanted no abnormal points in it")
    points, rows = whole.positions(), cloud.positions()
    distance = np.asarray(KDTree(points).query(rows)[0])
    far = int(np.argmax(distance))
    wanted = f"wanted those of {scan} in the same place"
    if distance[far] > SAME * cloud.diameter:
        found = f"point {far + 1} is {distance[far]:.3g} away from all points"
        raise InputError(f"{cloud.name}: {found}, {wanted}")
    try:
        own = match_rows(points, rows, tolerance=SAME * cloud.diameter)
    except InputError as error:
        raise InputError(f"{cloud.name}: {error}, {wanted}") from None
    return whole.replace(label=cloud.label[own])


def convert_annotations(
    category: Path, files: Sequence[Path], *, name: str | None = None
) -> list[Path]:
    """Return the label files of annotated clouds after writing them.

    No file is written if one of the clouds is invalid.

    Args:
        category: A category's folder in the IEC3D-AD layout, with the scans in ``test/``.
        files: Files saved by CloudCompare, each with the stem of its scan.
        name: Name of the scalar field, if it is none of the accepted names.

    Raises:
        InputError: See :func:`read_annotation` and :func:`write_gt`.
    """
    clouds = [read_annotation(path, name) for path in files]
    for path, cloud in zip(files, clouds, strict=True):
        for sentence in cloud.notes:
            note(sentence)
        if not (category / "test" / f"{cloud.name}.pcd").is_file():
            raise InputError(f"{path}: no {cloud.name}.pcd in {category / 'test'}, wanted its scan")
        _labeled(category, cloud)
    return [write_gt(category, cloud) for cloud in clouds]


def _chosen(path: Path, columns: dict[str, Column], *, name: str | None) -> str:
    """Return the name of the column that holds the labels."""
    wanted = NAMES if name is None else (plain_name(name),)
    found = find_label([one for one in columns if one not in GEOMETRY], wanted)
    if found is None:
        there = quote(" ".join(columns))
        raise InputError(
            f"{path}: the columns are {there}, wanted {' or '.join(wanted)} among them"
        )
    return found


def _text_columns(path: Path) -> dict[str, Column]:
    """Return the columns of a text file by the names in its first line.

    Without names, the first three columns are coordinates and the last is ``label``.
    """
    sheet = read_sheet(path)
    if (columns := sheet.named) is not None:
        return columns
    table, width, said = sheet.table, sheet.table.shape[1], sheet.remark
    if said or width < 4:
        found = f"{width} columns named {quote(said)}"
        raise InputError(f"{path}: {found}, wanted a first line //X Y Z … with as many names")
    names = [*GEOMETRY, *(f"column{i}" for i in range(4, width)), "label"]
    return dict(zip(names, table.T, strict=True))
