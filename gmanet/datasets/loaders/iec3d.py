"""IEC3D-AD (Guo et al. 2025, §III): fifteen parts, scanned at high resolution.

``<Category>/train/*.pcd`` are normal; ``<Category>/test/*.pcd`` are normal if the name contains
``good``.  ``<Category>/gt/<stem>.txt`` holds ``x y z label`` rows of a defective cloud, in another
order than the ``.pcd``; a label is assigned to the point with the same coordinates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from gmanet.cloud import Cloud
from gmanet.datasets.loaders.published import Item, Published
from gmanet.datasets.loaders.truth import read_labeled
from gmanet.formats import list_files, read_cloud

__all__ = ["IEC3D", "categories"]

NUMBER = re.compile(r"_\d+$")


def categories(root: Path) -> list[str]:
    """Return the names of the category folders, sorted.

    Raises:
        InputError: The root is missing, or no folder in it has a ``train`` folder.
    """
    return list(IEC3D.folders(root))


class IEC3D(Published):
    """One split of one category; clouds are sorted by file name and named by file stem."""

    layout = "<Category>/train/*.pcd, <Category>/test/*.pcd and <Category>/gt/*.txt"
    source = "IEC3D-AD, Guo et al. 2025: ask its authors or see the paper's page"
    aliases: ClassVar[Mapping[str, str]] = {
        "pulling_nail": "pulling_nut",
        "pullingnail": "pullingnut",
    }
    """Pulling nut: Table II of the paper says nut; the paper's results and the folder say nail."""

    def listed(self) -> list[Item]:
        """Return the ``.pcd`` files; the kind of defect is the stem without its number."""
        paths = list_files(self.folder / self.split, (".pcd",))
        items = []
        for path in paths:
            good = self.split == "train" or "good" in path.stem.lower()
            truth = None if good else self.folder / "gt" / f"{path.stem}.txt"
            defect = "good" if good else NUMBER.sub("", path.stem.lower())
            items.append(Item(name=path.stem, defect=defect, path=path, truth=truth))
        return items

    def read(self, item: Item) -> Cloud:
        """Return the cloud, a defective one with the labels of its label file."""
        if item.truth is None:
            return read_cloud(item.path)
        return read_labeled(item.truth, item.path, label_points=self.label_points)
