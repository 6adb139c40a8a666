"""Base class of the loaders of published data sets: an index of files, listed once, read lazily."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.errors import InputError, hint
from gmanet.formats.outputs import count_outputs
from gmanet.formats.walking import is_hidden, is_ignored, walk

__all__ = ["Item", "Published", "defect_folders"]

WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\s_-]+")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One cloud of a data set, not yet read.

    Args:
        name: Name of the cloud, unique within its split.
        defect: Kind of defect, ``good`` for a normal cloud.
        path: File of the cloud.
        truth: File of the labels; None for normal clouds and for clouds without labels.
    """

    name: str
    defect: str
    path: Path
    truth: Path | None = None


class Published(CloudDataset):
    """One split of one category; a normal cloud's labels are all False.

    A subclass names the layout, lists the items of a split and reads an item.

    Args:
        root: Folder of the category folders.
        category: Name of a category folder, in any spelling: ``HexagonalNut`` or ``hexagonal_nut``.
        split: ``train`` or ``test``.
        label_points: Whether defective clouds get the points of their label files, unchecked, if
            these files contain coordinates.

    Raises:
        InputError: The root, the category or a label file is missing, the split has no clouds, or
            two clouds have the same name.
    """

    layout = ""
    """Layout of the files in the root, as shown in errors."""
    source = ""
    """Name of the data set, its paper, and where to download the data."""
    marker = "train"
    """Sub-folder by which a category folder is recognized."""
    inner: tuple[str, ...] = ()
    """Possible folders between the root and the category folders."""
    aliases: ClassVar[Mapping[str, str]] = {}
    """Alternative name of a category -> name used here, in lower case."""
    similar: ClassVar[frozenset[str]] = frozenset()
    """Kinds of defects that are similar to those of IEC3D-AD; Table IX reports these separately."""

    def __init__(
        self, root: Path, category: str, *, split: str, label_points: bool = False
    ) -> None:
        self.folder = self.folders(root)[self._matching(root, category)]
        super().__init__(self._canonical(self.folder.name), split)
        self.label_points = label_points
        self.items = self.listed()
        if not self.items:
            found = f"no {split} clouds, found {_some_files(self.folder)}"
            raise InputError(f"{self.folder}: {found}, wanted {self.layout}")
        seen: dict[str, Path] = {}
        for item in self.items:
            if item.truth is not None and not item.truth.is_file():
                raise InputError(f"{item.truth}: no such file, wanted the labels of {item.path}")
            if item.name in seen:
                found = f"is called {item.name} like {seen[item.name]}"
                raise InputError(f"{item.path}: {found}, wanted other names")
            seen[item.name] = item.path

    @classmethod
    def folders(cls, root: Path) -> dict[str, Path]:
        """Return the category folders by name, sorted.

        Raises:
            InputError: The root is missing, or has no category folder.
        """
        wanted = f"wanted {cls.layout} in it ({cls.source})"
        if not root.is_dir():
            raise InputError(f"{root}: no such folder, {wanted}; data.root=FOLDER names another")
        places = [root, *(root / name for name in cls.inner)]
        found = {
            path.name: path
            for place in reversed(places)
            if place.is_dir()
            for path in place.iterdir()
            if (path / cls.marker).is_dir() and not path.name.startswith(".")
        }
        if not found:
            raise InputError(f"{root}: no category folder, found {_some_files(root)}, {wanted}")
        return dict(sorted(found.items()))

    @property
    def names(self) -> list[str]:
        """Return the clouds' names, in order, without reading them."""
        return [item.name for item in self.items]

    @property
    def files(self) -> list[Path]:
        """Return the clouds' files, in the order of the names."""
        return [item.path for item in self.items]

    @property
    def defects(self) -> list[str]:
        """Return the kinds of defects, in the order of the names, without reading the clouds."""
        return [item.defect for item in self.items]

    @property
    def notes(self) -> list[str]:
        """Return a sentence on outputs of ``predict`` among the files; empty if there are none."""
        places = walk(self.folder, is_hidden)
        passed = count_outputs(path for place in places for path in place.iterdir())
        return [passed] if passed else []

    def __getitem__(self, index: int) -> Cloud:
        """Return a cloud.

        Raises:
            InputError: A file cannot be read, or the numbers of points and labels differ.
        """
        item = self.items[index]
        cloud = self.read(item)
        if item.defect == "good":
            cloud = cloud.replace(label=np.zeros(len(cloud), np.bool_))
        return cloud.replace(name=item.name, category=self.category, defect=item.defect)

    @abstractmethod
    def listed(self) -> list[Item]:
        """Return the items of ``self.split`` in ``self.folder``, in a stable order."""

    @abstractmethod
    def read(self, item: Item) -> Cloud:
        """Return the cloud of an item, with labels if it is defective and labels are known."""

    @classmethod
    def _canonical(cls, name: str) -> str:
        """Return a category's name in snake case: ``hexagonal_nut`` for ``HexagonalNut``."""
        words = "_".join(word for word in WORD.split(name) if word).lower()
        return cls.aliases.get(words, words)

    @classmethod
    def _key(cls, name: str) -> str:
        """Return the same key, such as ``hexagonalnut``, for all spellings of a name."""
        key = cls._canonical(name).replace("_", "")
        return cls.aliases.get(key, key)

    @classmethod
    def _matching(cls, root: Path, category: str) -> str:
        """Return the name of the category folder for a category in any spelling."""
        found = cls.folders(root)
        if category in found:
            return category
        keys = {cls._key(name): name for name in reversed(found)}
        key = cls._key(category)
        if key in keys:
            return keys[key]
        near, there = hint(key, keys, shown=keys), ", ".join(found)
        raise InputError(f"{root}: no category {category!r}{near}; there are: {there}")


def _some_files(folder: Path, most: int = 3) -> str:
    """Return the paths of some files in a folder, for errors: the user compares with the layout."""
    files = (path for path in folder.rglob("*") if path.is_file())
    some = [str(path.relative_to(folder)) for path in islice(files, most)]
    return ", ".join(some) or "nothing"


def defect_folders(folder: Path) -> list[Path]:
    """Return the sub-folders of kinds of defects, sorted; none if the folder is missing."""
    found = sorted(path for path in folder.glob("*") if path.is_dir())
    return [path for path in found if path.name.lower() != "good" and not is_ignored(path)]
