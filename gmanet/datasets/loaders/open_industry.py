"""Open-Industry (2026, arXiv 2604.01171): fifteen parts, scanned with the rig of IEC3D-AD.

``<category>/train/*.pcd`` and ``<category>/test/<category>_<number>.pcd`` are normal;
``<category>/test/<category>_{Bump,Deformation,Dent,Scar,Scratch}*.pcd`` are defective.  The folder
``<category>/gt``, if it exists, is assumed to hold ``<stem>.txt`` with ``x y z label`` rows for
every defective cloud; without this folder the labels of points are unknown.
"""

from __future__ import annotations

import re
from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.datasets.loaders.published import Item, Published
from gmanet.datasets.loaders.truth import read_labeled
from gmanet.errors import InputError
from gmanet.formats import list_files, read_cloud

__all__ = ["OpenIndustry"]

KIND = re.compile(r"(?:^|_)(bump|deformation|dent|scar|scratch)(?![a-z])")
GOOD = re.compile(r"(?:^|_)\d+$")


class OpenIndustry(Published):
    """One split of one category; clouds are sorted by file name and named by file stem."""

    layout = (
        "<category>/train/*.pcd, <category>/test/<category>_<number>.pcd and "
        "<category>/test/<category>_{Bump,Deformation,Dent,Scar,Scratch}*.pcd"
    )
    source = "Open-Industry: Hugging Face, HanzheL/open-industry"

    def listed(self) -> list[Item]:
        """Return the ``.pcd`` files.

        Raises:
            InputError: The name of a test cloud has neither a number nor a known kind of defect.
        """
        paths = list_files(self.folder / self.split, (".pcd",))
        if self.split == "train":
            return [Item(name=path.stem, defect="good", path=path) for path in paths]
        return [self._item(path) for path in paths]

    def read(self, item: Item) -> Cloud:
        """Return the cloud, a defective one with the labels of its label file if it has one."""
        if item.truth is not None:
            return read_labeled(item.truth, item.path, label_points=self.label_points)
        return read_cloud(item.path).replace(label=None)

    def _item(self, path: Path) -> Item:
        name = path.stem.lower()
        kind = KIND.search(name)
        if kind is None and GOOD.search(name):
            return Item(name=path.stem, defect="good", path=path)
        if kind is None:
            raise InputError(
                f"{path}: is neither numbered nor named by a defect, wanted {self.layout}"
            )
        labels = self.folder / "gt"
        truth = labels / f"{path.stem}.txt" if labels.is_dir() else None
        return Item(name=path.stem, defect=kind[1], path=path, truth=truth)
