"""Sizes of the clouds of data sets, total and abnormal points, and the file that stores them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.runtime.atomic import replacing
from gmanet.runtime.progress_table import NAMES

__all__ = ["Size", "StoredSizes", "size_of", "write_sizes"]


@dataclass(frozen=True, kw_only=True)
class Size:
    """Number of points and of abnormal points of a cloud.

    Args:
        data: Name of the data set.
        category: Name of the part.
        split: ``train`` or ``test``.
        name: Name of the cloud.
        defect: Kind of defect; ``good`` for a normal cloud, ``abnormal`` for a defective cloud of
            unknown kind, ``unknown`` if neither kind nor labels are known.
        points: Number of points.
        marked: Number of abnormal points; None if labels are unknown.
    """

    data: str
    category: str
    split: str
    name: str
    defect: str
    points: int
    marked: int | None

    @property
    def ratio(self) -> float | None:
        """Share of abnormal points of an abnormal cloud; None for normal or unlabeled clouds."""
        if self.defect == "good" or self.marked is None:
            return None
        return self.marked / self.points


def size_of(data: str, split: str, cloud: Cloud) -> Size:
    """Return the size of a cloud.

    Args:
        data: Name of the data set.
        split: ``train`` or ``test``.
        cloud: The cloud.
    """
    defect = cloud.defect
    if defect is None:
        defect = {None: "unknown", True: "abnormal", False: "good"}[cloud.abnormal]
    marked = None if cloud.label is None else int(cloud.label.sum())
    return Size(
        data=data,
        category=cloud.category,
        split=split,
        name=cloud.name,
        defect=defect,
        points=len(cloud),
        marked=marked,
    )


COLUMNS = [field.name for field in fields(Size)]
"""Names of the columns in the file."""


def write_sizes(path: Path, sizes: Iterable[Size], *, about: str = "") -> None:
    """Write a CSV file with one line per cloud.

    Args:
        path: The file to be written or replaced.
        sizes: Sizes of the clouds.
        about: Text of a first line ``# about``; empty: no such line.

    Raises:
        InputError: The file cannot be written.
    """
    with replacing(path) as draft, draft.open("w", -1, "utf-8", NAMES, "") as file:
        if about:
            file.write(f"# {about}\n")
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(astuple(size) for size in sizes)


class StoredSizes:
    """Sizes of the splits counted so far, in a file from which an interrupted count resumes.

    Args:
        path: The file, which the command removes when the count is complete.
        about: Overrides of the command; a file with other overrides is ignored.

    Raises:
        InputError: The file is damaged.
    """

    def __init__(self, path: Path, about: str) -> None:
        self.path, self.about = path, about
        self.sizes: list[Size] = []
        if path.is_file():
            with path.open(encoding="utf-8", errors=NAMES, newline="") as file:
                lines = file.read().splitlines()
            if lines[:2] == [f"# {about}", ",".join(COLUMNS)]:
                self.sizes = [_size(path, row) for row in csv.reader(lines[2:])]

    def of(self, data: str, category: str, split: str) -> list[Size]:
        """Return the stored sizes of a split; empty if the split is not counted yet."""
        wanted = (data, category, split)
        return [size for size in self.sizes if (size.data, size.category, size.split) == wanted]

    def add(self, sizes: list[Size]) -> None:
        """Store the sizes of a whole split."""
        self.sizes += sizes
        write_sizes(self.path, self.sizes, about=self.about)


def _size(path: Path, row: list[str]) -> Size:
    try:
        *names, points, marked = row
        data, category, split, name, defect = names
        return Size(
            data=data,
            category=category,
            split=split,
            name=name,
            defect=defect,
            points=int(points),
            marked=int(marked) if marked else None,
        )
    except ValueError:
        raise InputError(f"{path}: is damaged, wanted it removed") from None
