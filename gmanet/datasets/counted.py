"""Sizes of clouds as a CSV file, one line each; an interrupted count is gone on with."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import astuple, fields
from pathlib import Path

from gmanet.datasets.statistics import Size
from gmanet.errors import InputError
from gmanet.runtime.atomic import replacing

__all__ = ["Counted", "write_sizes"]

NAMES = "surrogateescape"
"""How bytes in a file's name that are no UTF-8 are written and read, as they are."""
HEAD = [field.name for field in fields(Size)]


def write_sizes(path: Path, sizes: Iterable[Size], about: str = "") -> None:
    """Write one line per cloud, after a line ``# about`` where that is given.

    Raises:
        InputError: The file cannot be written.
    """
    with replacing(path) as draft, draft.open("w", -1, "utf-8", NAMES, "") as file:
        if about:
            file.write(f"# {about}\n")
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEAD)
        table.writerows(astuple(size) for size in sizes)


class Counted:
    """What a count has found so far, split by split.

    Args:
        path: Kept until the count is done.
        about: The command's overrides; what other overrides have counted does not matter.
    """

    def __init__(self, path: Path, about: str) -> None:
        self.path, self.about = path, about
        self.sizes: list[Size] = []
        if path.is_file():
            with path.open(encoding="utf-8", errors=NAMES, newline="") as file:
                lines = file.read().splitlines()
            if lines[:2] == [f"# {about}", ",".join(HEAD)]:
                self.sizes = [_size(path, row) for row in csv.reader(lines[2:])]

    def of(self, data: str, category: str, split: str) -> list[Size]:
        """Return what is known of a split; nothing if it was not counted to its end."""
        wanted = (data, category, split)
        return [size for size in self.sizes if (size.data, size.category, size.split) == wanted]

    def add(self, sizes: list[Size]) -> None:
        """Keep the sizes of a whole split."""
        self.sizes += sizes
        write_sizes(self.path, self.sizes, self.about)


def _size(path: Path, row: list[str]) -> Size:
    try:
        *names, points, marked = row
        data, category, split, name, defect = names
        return Size(
            data, category, split, name, defect, int(points), int(marked) if marked else None
        )
    except ValueError:
        raise InputError(f"{path}: is damaged, wanted it removed") from None
