"""MulSen-AD (Li et al., CVPR 2025): fifteen objects in RGB, infrared and laser scans.

``<category>/Pointcloud/train/*.stl`` are normal; ``<category>/Pointcloud/test/<defect>/<n>.stl``
are normal or defective, because only another sensor may show a defect.  In
``<category>/RGB/GT/<defect>/data.csv`` (columns ``object, label1, label2, label3``), ``label3`` is
1 if the scan shows the defect; rows are matched to files by the numbers in the first column, or by
order if these numbers differ.  ``<category>/Pointcloud/GT/<defect>/<n>.txt`` lists only the
abnormal points, with coordinates separated by commas.

A cloud consists of the distinct vertices of the triangles.  The vertex nearest to a listed point is
abnormal; its distance is assumed to be at most 2 % of the diameter.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from gmanet.cloud import Cloud
from gmanet.datasets.loaders.published import Item, Published, defect_folders
from gmanet.datasets.loaders.truth import read_abnormal_points
from gmanet.errors import InputError
from gmanet.formats import list_files, read_cloud
from gmanet.formats.source import quote, read_bytes

__all__ = ["MulSen"]

NUMBER = re.compile(r"\d+")
REACH = 0.02
"""Largest distance of a listed point from the nearest vertex, in diameters of the scan."""


class MulSen(Published):
    """One split of one category; the name of a test cloud is ``<folder>_<stem>``."""

    layout = (
        "<category>/Pointcloud/train/*.stl, <category>/Pointcloud/test/<defect>/*.stl, "
        "<category>/Pointcloud/GT/<defect>/*.txt and <category>/RGB/GT/<defect>/data.csv"
    )
    source = "MulSen-AD, Li et al. 2025: GitHub, ZZZBBBZZZ/MulSen-AD"
    marker = "Pointcloud/train"

    def listed(self) -> list[Item]:
        """Return the scans in ``good``, then those of the other folders, sorted by number."""
        folder = self.folder / "Pointcloud" / self.split
        if self.split == "train":
            return [Item(name=path.stem, defect="good", path=path) for path in _scans(folder)]
        items = [
            Item(name=f"good_{path.stem}", defect="good", path=path)
            for path in _scans(folder / "good")
        ]
        for kind in defect_folders(folder):
            paths = _scans(kind)
            table = self.folder / "RGB" / "GT" / kind.name / "data.csv"
            for path, seen in zip(paths, _seen(table, paths), strict=True):
                truth = self.folder / "Pointcloud" / "GT" / kind.name / f"{path.stem}.txt"
                name, defect = f"{kind.name}_{path.stem}", kind.name.lower() if seen else "good"
                items.append(
                    Item(name=name, defect=defect, path=path, truth=truth if seen else None)
                )
        return items

    def read(self, item: Item) -> Cloud:
        """Return the vertices; those nearest to the listed points are labeled abnormal."""
        cloud = read_cloud(item.path)
        if item.truth is None:
            return cloud
        points = read_abnormal_points(item.truth) - cloud.origin
        distance, nearest = (np.asarray(one) for one in KDTree(cloud.pos).query(points))
        far = np.flatnonzero(distance > REACH * cloud.diameter)
        if len(far):
            found = f"row {far[0] + 1} is {distance[far[0]]:.3g} away from all vertices"
            raise InputError(f"{item.truth}: {found}, wanted points of {item.path}")
        label = np.zeros(len(cloud), np.bool_)
        label[nearest] = True
        return cloud.replace(label=label)


def _scans(folder: Path) -> list[Path]:
    """Return the scans in the order of their numbers."""
    return sorted(list_files(folder, (".stl",)), key=lambda path: (_number(path.stem), path.stem))


def _number(text: str) -> int:
    """Return the last number in a text; -1 if there is none."""
    found = NUMBER.findall(text)
    return int(found[-1][:18]) if found else -1


def _seen(table: Path, paths: list[Path]) -> list[bool]:
    """Return for each scan whether its ``label3`` is 1."""
    text = read_bytes(table, ".csv").decode("utf-8-sig", "replace")
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if row]
    except csv.Error as error:
        raise InputError(f"{table}: is no table ({error})") from None
    names = [name.lower() for name in rows[0]] if rows else []
    if "label3" not in names:
        raise InputError(f"{table}: begins with {quote(','.join(names))}, wanted object,…,label3")
    place = names.index("label3")
    if len(rows) - 1 != len(paths):
        where = f"in {paths[0].parent}" if paths else "beside it"
        raise InputError(f"{table}: {len(rows) - 1} rows, wanted {len(paths)} as scans {where}")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(names) or row[place] not in ("0", "1"):
            raise InputError(f"{table}: row {number} is {quote(','.join(row))}, wanted 0 or 1 last")
    flags = [row[place] == "1" for row in rows[1:]]
    numbers = [_number(row[0]) for row in rows[1:]]
    by_number = dict(zip(numbers, flags, strict=True))
    wanted = [_number(path.stem) for path in paths]
    if set(wanted) == set(numbers) and len(by_number) == len(paths):
        return [by_number[number] for number in wanted]
    return flags
