"""Label files: one number per point, 0 for normal and 1 for abnormal.

Some label files contain coordinates, in another order than the scan: a label is then assigned to
the point with the same coordinates (``gmanet.datasets.loaders.correspondence``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud, Labels
from gmanet.datasets.loaders.correspondence import match_rows, rounding
from gmanet.errors import InputError
from gmanet.formats import read_cloud
from gmanet.formats.columns import Column, assemble
from gmanet.formats.labels import wrong_values
from gmanet.formats.pcd import count_points
from gmanet.formats.png import read_picture
from gmanet.formats.text import read_table

__all__ = ["as_flags", "pixel_labels", "read_abnormal_points", "read_flags", "read_labeled"]


def as_flags(path: Path, values: Column) -> Labels:
    """Return True where a value is 1 and False where it is 0, with shape ``(N,)``.

    A label file contains nothing but labels, so other values are errors; labels inside a scan
    follow the rules of ``gmanet.formats.labels``.

    Args:
        path: The label file, named in errors.
        values: Values of the labels, with shape ``(N,)``.

    Raises:
        InputError: A value is neither 0 nor 1.
    """
    bad = np.flatnonzero(wrong_values(values))
    if len(bad):
        found = f"label {values[bad[0]]} at point {bad[0] + 1}"
        raise InputError(f"{path}: {found}, wanted 0 (normal) or 1 (abnormal)")
    return np.asarray(values == 1)


def pixel_labels(path: Path, scan: Path, *, kept: Labels) -> Labels:
    """Return the labels of the pixels of an organized scan, True where the mask is not black.

    Args:
        path: Image file of the ground-truth mask.
        scan: File of the scan, named in errors.
        kept: True for pixels that are points of the cloud, with shape ``(H, W)``.

    Raises:
        InputError: The mask has another size than the scan, or cannot be read.
    """
    mask = read_picture(path)
    if mask.shape != kept.shape:
        found = f"{mask.shape[0]} x {mask.shape[1]} pixels"
        wanted = f"{kept.shape[0]} x {kept.shape[1]} as in {scan}"
        raise InputError(f"{path}: {found}, wanted {wanted}")
    return np.asarray(mask[kept] > 0)


def read_labeled(path: Path, scan: Path, *, label_points: bool = False) -> Cloud:
    """Return a scan with the labels of a file of ``x y z label`` rows, in any order.

    A row belongs to the point with the same coordinates, up to the rounding error of the file
    (:func:`gmanet.datasets.loaders.correspondence.rounding`).

    Args:
        path: The label file, with numbers separated by spaces or commas.
        scan: The ``.pcd`` file of the scan, which must have one point per row of the label file.
        label_points: Whether to return the points of the label file instead, unchecked.

    Raises:
        InputError: The rows have other columns, the number of rows or the coordinates differ from
            the scan, a label is neither 0 nor 1, or the points cannot be scored.
    """
    count, table = count_points(scan), read_table(path)
    if table.shape[1] != 4:
        found = "no column of labels" if table.shape[1] == 3 else f"{table.shape[1]} columns"
        raise InputError(f"{path}: {found}, wanted x y z label")
    # A label file may omit unmeasured points.
    if len(table) != count and len(table) != len(read_cloud(scan)):
        found = f"label file of another length than the cloud ({len(table)} rows)"
        raise InputError(f"{path}: {found}, wanted {count} as in {scan}")
    label = as_flags(path, table[:, 3])
    if label_points:
        taken = assemble(path, table[:, :3]).replace(name=scan.stem)
        own = slice(None) if taken.rows is None else taken.rows
        return taken.replace(label=label[own]).checked(str(path))
    cloud = read_cloud(scan)
    measured = np.isfinite(table[:, :3]).all(axis=1)
    rows = table[measured, :3]
    try:
        nearest = match_rows(cloud.positions(), rows, tolerance=rounding(rows, cloud.diameter))
    except InputError as error:
        raise InputError(
            f"{path}: {error}, wanted the points of {scan} in any order; "
            "data.label_points=true takes the points of the label file instead"
        ) from None
    return cloud.replace(label=label[measured][nearest])


def read_flags(path: Path, count: int, *, counted: Path) -> Labels:
    """Return the labels of a file with one 0 or 1 per line, with shape ``(count,)``.

    Args:
        path: The label file.
        count: Number of points of the cloud.
        counted: File of the cloud, named in errors.

    Raises:
        InputError: The number of lines differs from ``count``, or a line is neither 0 nor 1.
    """
    table = read_table(path)
    if table.shape != (count, 1):
        found = f"{table.shape[0]} rows of {table.shape[1]} numbers"
        raise InputError(f"{path}: {found}, wanted {count} of one label, as many as in {counted}")
    return as_flags(path, table[:, 0])


def read_abnormal_points(path: Path) -> npt.NDArray[np.float64]:
    """Return the points of a file that lists only the abnormal points, with shape ``(M, 3)``.

    The coordinates are those of the file, in double precision; ``Cloud.origin`` is not subtracted.
    Columns after the third are ignored.

    Raises:
        InputError: The rows have fewer than three columns, or a coordinate is not finite.
    """
    table = read_table(path)
    if table.shape[1] < 3:
        raise InputError(f"{path}: {table.shape[1]} columns, wanted x y z of the abnormal points")
    points = np.ascontiguousarray(table[:, :3])
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        raise InputError(f"{path}: row {bad[0] + 1} is not finite, wanted coordinates")
    return points
