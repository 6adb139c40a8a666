"""IEC3D-AD (Guo et al. 2025, §III): fifteen parts, scanned at high resolution.

``<Category>/train/*.pcd`` are normal, ``<Category>/test/*.pcd`` normal if ``good`` is in the name.
``<Category>/gt/<stem>.txt`` holds ``x y z label`` of a defective cloud with its points in another
order than the ``.pcd``, which is why such clouds are read from there.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud
from gmanet.data.dataset import CloudDataset
from gmanet.data.files import list_files, read_cloud
from gmanet.data.files.pcd import count_points
from gmanet.errors import InputError

__all__ = ["IEC3D", "categories"]

LAYOUT = "<Category>/train/*.pcd, <Category>/test/*.pcd and <Category>/gt/*.txt"
SOURCE = "IEC3D-AD, Guo et al. 2025: ask its authors or see the paper's page"
ALIASES = {"pulling_nail": "pulling_nut", "pullingnail": "pullingnut"}
"""The paper's Table II says nut where its results and the folder say nail."""

WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\s_-]+")
NUMBER = re.compile(r"_\d+$")


def categories(root: Path) -> list[str]:
    """Return the names of the category folders, sorted.

    Raises:
        InputError: The folder is missing, or no folder in it has a ``train`` folder.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder, wanted {LAYOUT} in it ({SOURCE})")
    found = sorted(path.parent.name for path in root.glob("*/train") if path.is_dir())
    if not found:
        raise InputError(f"{root}: no category folder, wanted {LAYOUT} in it ({SOURCE})")
    return found


class IEC3D(CloudDataset):
    """One split of one category; clouds are sorted by file name and named by file stem.

    Args:
        root: The folder that holds the category folders.
        category: A folder's name, in any spelling: ``HexagonalNut`` or ``hexagonal_nut``.
        split: ``train`` or ``test``.

    Raises:
        InputError: The root, the category or a label file is missing, or the split has no clouds.
    """

    def __init__(self, root: Path, category: str, split: str) -> None:
        self.folder = root / _matching(root, category)
        super().__init__(_canonical(self.folder.name), split)
        self.paths = list_files(self.folder / split, (".pcd",))
        if not self.paths:
            raise InputError(f"{self.folder / split}: no .pcd files, wanted {LAYOUT}")
        for path in self.paths:
            if self._defect(path) != "good" and not self._labels(path).is_file():
                raise InputError(f"{self._labels(path)}: no such file, wanted the labels of {path}")

    @property
    def names(self) -> list[str]:
        """Return the file stems, in order."""
        return [path.stem for path in self.paths]

    def __getitem__(self, index: int) -> Cloud:
        """Return a cloud with labels.

        Raises:
            InputError: Its file cannot be read, or the label file has no labels or another length.
        """
        path = self.paths[index]
        defect = self._defect(path)
        cloud = read_cloud(path) if defect == "good" else self._labeled(path)
        label = np.zeros(len(cloud), np.bool_) if defect == "good" else cloud.label
        return cloud.replace(label=label, category=self.category, defect=defect)

    def _defect(self, path: Path) -> str:
        """Return the kind of defect: the file stem without its number, in lower case."""
        name = path.stem.lower()
        return "good" if self.split == "train" or "good" in name else NUMBER.sub("", name)

    def _labels(self, path: Path) -> Path:
        return self.folder / "gt" / f"{path.stem}.txt"

    def _labeled(self, path: Path) -> Cloud:
        """Return a defective cloud from its label file, whose length is compared."""
        labels = self._labels(path)
        cloud, count = read_cloud(labels), count_points(path)
        if cloud.label is None:
            raise InputError(f"{labels}: no column of labels, wanted x y z label")
        if len(cloud) != count:
            found = f"label file of another length than the cloud ({len(cloud)} rows)"
            raise InputError(f"{labels}: {found}, wanted {count} as in {path}")
        return cloud


def _canonical(name: str) -> str:
    """Return ``hexagonal_nut`` for ``HexagonalNut``."""
    words = "_".join(word for word in WORD.split(name) if word).lower()
    return ALIASES.get(words, words)


def _key(name: str) -> str:
    """Return what all spellings of a name have in common, ``hexagonalnut``."""
    key = _canonical(name).replace("_", "")
    return ALIASES.get(key, key)


def _matching(root: Path, category: str) -> str:
    """Return the category folder that is meant."""
    found = categories(root)
    if category in found:
        return category
    keys = {_key(name): name for name in reversed(found)}
    key = _key(category)
    if key in keys:
        return keys[key]
    close = difflib.get_close_matches(key, keys, n=1)
    hint = f"did you mean {keys[close[0]]}? " if close else ""
    raise InputError(f"{root}: no category {category!r}; {hint}there are: {', '.join(found)}")
