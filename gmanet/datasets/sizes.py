"""Sizes of the clouds of data sets: number of points, of all and of abnormal ones, in a file."""

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
    """How large a cloud is, and how much of it is abnormal.

    Args:
        data: The data set.
        category: The part.
        split: ``train`` or ``test``.
        name: The cloud's.
        defect: Kind of defect, ``good`` for a normal cloud, ``unknown`` where nobody knows.
        points: Number of points.
        marked: Number of abnormal points; None where nobody knows.
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
        """Share of abnormal points of an abnormal cloud; None of others, or if nobody knows."""
        if self.defect == "good" or self.marked is None:
            return None
        return self.marked / self.points


def size_of(data: str, split: str, cloud: Cloud) -> Size:
    """Return a cloud's size.

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
"""Columns of the file of sizes."""


def write_sizes(path: Path, sizes: Iterable[Size], *, about: str = "") -> None:
    """Write one line per cloud, after a line ``# about`` where that is given.

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
    """Sizes that a count has found so far, split by split, in a file from which it goes on.

    Args:
        path: The file, which stays until the count is done.
        about: Overrides of the command; a file of other overrides is not read.
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
        """Return the sizes of a split; none if it is not complete."""
        wanted = (data, category, split)
        return [size for size in self.sizes if (size.data, size.category, size.split) == wanted]

    def add(self, sizes: list[Size]) -> None:
        """Keep the sizes of a whole split."""
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
