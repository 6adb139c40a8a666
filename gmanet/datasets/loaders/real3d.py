"""Real3D-AD (Liu et al., NeurIPS 2023): twelve toys, scanned from all sides for training.

``<category>/train/*template*.pcd`` (or ``*prototype*``) are four normal clouds, scanned from all
sides; other files in ``train`` are not read.  ``<category>/test/*.pcd`` are single-sided scans,
normal if the name contains ``good``; names that contain ``temp`` are skipped, because they are no
test clouds.  ``<category>/gt/<stem>.txt`` holds ``x y z label`` rows in another order than the
``.pcd``; a label is assigned to the point with the same coordinates.  The name of a test cloud is
assumed to consist of a number, the kind of defect (``bulge``, ``sink``) and possibly ``cut`` or
``copy``.  Coordinates are in millimeters.
"""

from __future__ import annotations

import re
from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.datasets.loaders.published import Item, Published
from gmanet.datasets.loaders.truth import read_labeled
from gmanet.formats import list_files, read_cloud

__all__ = ["Real3D"]

TEMPLATES = ("template", "prototype")
KIND = re.compile(r"[a-z]+")
NO_KIND = {"cut", "copy"}


class Real3D(Published):
    """One split of one category; clouds are sorted by file name and named by file stem."""

    unit = "mm"
    layout = "<category>/train/*template*.pcd, <category>/test/*.pcd and <category>/gt/*.txt"
    source = "Real3D-AD, Liu et al. 2023: GitHub, M-3LAB/Real3D-AD"

    def listed(self) -> list[Item]:
        """Return the templates of the train split, or the test clouds."""
        paths = list_files(self.folder / self.split, (".pcd",))
        if self.split == "train":
            named = [path for path in paths if any(t in path.stem.lower() for t in TEMPLATES)]
            return [Item(name=path.stem, defect="good", path=path) for path in named]
        return [self._item(path) for path in paths if "temp" not in path.stem.lower()]

    def read(self, item: Item) -> Cloud:
        """Return the cloud, a defective one with the labels of its label file."""
        if item.truth is None:
            return read_cloud(item.path)
        return read_labeled(item.truth, item.path, label_points=self.label_points)

    def _item(self, path: Path) -> Item:
        name = path.stem.lower()
        if "good" in name:
            return Item(name=path.stem, defect="good", path=path)
        own = self.folder.name.lower()
        words = [word for word in KIND.findall(name.removeprefix(own)) if word not in NO_KIND]
        truth = self.folder / "gt" / f"{path.stem}.txt"
        return Item(name=path.stem, defect="_".join(words) or "defect", path=path, truth=truth)
