"""Folders of partial views: ``<part>/<view>.ply`` in natural order, optional poses and markers.

``poses.txt`` in a part's folder contains the angle of the table at each view, in degrees: one
number per line in the order of the views, or the name of the view and a number.
``<view>.markers`` contains reference points as ``name x y z`` lines in the frame of the view.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmanet.cloud import Doubles
from gmanet.datasets.base import SPLITS
from gmanet.errors import InputError
from gmanet.formats import list_files
from gmanet.formats.walking import walk

__all__ = ["POSES", "PartFolder", "holds_views", "list_parts"]

POSES = "poses.txt"
MARKERS = ".markers"
NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True, kw_only=True)
class PartFolder:
    """Files of the views of one part.

    Args:
        name: Path of the folder, relative to the folder of all parts.
        views: Files of the views in the order of rotation.
        poses: File of angles; None if missing.
        markers: File of reference points for each view; None if missing.
    """

    name: Path
    views: tuple[Path, ...]
    poses: Path | None
    markers: tuple[Path, ...]

    @property
    def files(self) -> list[Path]:
        """All files on which the result of the part depends."""
        return [*self.views, *([self.poses] if self.poses else []), *self.markers]

    def angles(self) -> list[float] | None:
        """Return the table's angles in the order of the views, in degrees; None if unknown.

        Raises:
            InputError: The file is malformed, or lacks a view.
        """
        if self.poses is None:
            return None
        rows = _rows(self.poses)
        stems = [view.stem for view in self.views]
        if all(len(row) == 1 for row in rows) and len(rows) == len(stems):
            rows = [[stem, *row] for stem, row in zip(stems, rows, strict=True)]
        said = {row[0]: row[1:] for row in rows}
        for stem in stems:
            if len(said.get(stem, ())) != 1:
                raise InputError(
                    f"{self.poses}: no angle of view {stem}, wanted {len(stems)} lines with an "
                    "angle in degrees each, or a view's name and an angle"
                )
        return [_numbers(self.poses, said[stem])[0] for stem in stems]

    def reference_points(self) -> list[dict[str, Doubles]] | None:
        """Return the reference points of each view by name; None if no view has any.

        Raises:
            InputError: A line is not a name with three numbers.
        """
        if not self.markers:
            return None
        files = {path.stem: path for path in self.markers}
        return [_marked(files.get(view.stem)) for view in self.views]


def list_parts(folder: Path) -> list[PartFolder]:
    """Return the folders below a folder that directly contain views, in natural order.

    Raises:
        InputError: No folder contains views.
    """
    found = []
    for directory in sorted(walk(folder), key=natural):
        name = directory.relative_to(folder)
        views = [path for path in list_files(directory) if path.name.lower() != POSES]
        if views and directory != folder:
            poses = directory / POSES
            views.sort(key=natural)
            found.append(
                PartFolder(
                    name=name,
                    views=tuple(views),
                    poses=poses if poses.is_file() else None,
                    markers=tuple(list_files(directory, (MARKERS,))),
                )
            )
    if not found:
        raise InputError(f"{folder}: no partial views, wanted <part>/<view>.ply below it")
    _refuse_twins(folder, found)
    return found


def _refuse_twins(folder: Path, parts: Sequence[PartFolder]) -> None:
    """Raise an error if two views share a name, or two parts an output path."""
    names = [part.name for part in parts]
    for part in parts:
        seen: dict[str, Path] = {}
        for view in part.views:
            if (other := seen.setdefault(view.stem, view)) is not view:
                raise InputError(f"{view}: is called like {other}, wanted each view once")
        inner = next(
            (Path(one, part.name) for one in SPLITS if Path(one, part.name) in names), None
        )
        if inner is not None:
            found = f"{folder / part.name} and {folder / inner} may both be written to {inner}.pcd"
            raise InputError(f"{found}, wanted another name for one of them")


def holds_views(folder: Path) -> bool:
    """Return whether a folder is named ``views`` or a part in the folder has a file of poses."""
    named = folder.resolve().name.lower() == "views"
    return named or any((directory / POSES).is_file() for directory in walk(folder))


def natural(path: Path) -> list[tuple[int, str, int]]:
    """Return a key that sorts ``view2`` before ``view10``."""
    pieces = NUMBER.split(str(path).lower())
    return [(1, "", int(one)) if one.isdigit() else (0, one, 0) for one in pieces if one]


def _rows(path: Path) -> list[list[str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    rows = [re.split(r"[\s,;]+", line.partition("#")[0].strip()) for line in lines]
    return [row for row in rows if row != [""]]


def _numbers(path: Path, fields: list[str]) -> list[float]:
    try:
        values = [float(field) for field in fields]
    except ValueError as error:
        raise InputError(f"{path}: {error}, wanted a number") from None
    if not np.isfinite(values).all():
        raise InputError(f"{path}: {' '.join(fields)}, wanted finite numbers")
    return values


def _marked(path: Path | None) -> dict[str, Doubles]:
    if path is None:
        return {}
    rows = _rows(path)
    for row in rows:
        if len(row) != 4:
            raise InputError(f"{path}: {' '.join(row)}, wanted lines with a name and x y z")
    return {row[0]: np.array(_numbers(path, row[1:])) for row in rows}
