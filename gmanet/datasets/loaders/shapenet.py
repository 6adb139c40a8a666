"""Anomaly-ShapeNet (Li et al., CVPR 2024): forty shapes (fifty in its second edition), synthetic.

``pcd/<category>/train/*template*.pcd`` are normal; ``pcd/<category>/test/*.pcd`` are normal if the
name contains ``positive``.  ``pcd/<category>/GT/<stem>.txt`` holds ``x,y,z,label`` rows of a
defective cloud.  The label files of ``desk0`` lack the number of the category: ``desk_*`` belongs
to ``desk0_*``.  The root is ``pcd`` or the folder that contains ``pcd``.  Coordinates have no unit.

The kinds of defects in the paper are bulge, concavity, hole, break, bending and crack; file names
spell some of them differently.  Table IX does not list the kinds that are similar to those of
IEC3D-AD; these are assumed to be the kinds that displace the surface without breaking it.
"""

from __future__ import annotations

import re
from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.datasets.loaders.published import Item, Published
from gmanet.datasets.loaders.truth import read_labeled
from gmanet.formats import list_files, read_cloud

__all__ = ["AnomalyShapeNet"]

DIGITS = re.compile(r"\d+")


class AnomalyShapeNet(Published):
    """One split of one category; clouds are sorted by file name and named by file stem."""

    layout = (
        "pcd/<category>/train/*template*.pcd, pcd/<category>/test/*.pcd and pcd/<category>/GT/*.txt"
    )
    source = "Anomaly-ShapeNet, Li et al. 2024: GitHub, Chopper-233/Anomaly-ShapeNet"
    inner = ("pcd", "dataset/pcd")
    similar = frozenset({"bulge", "concavity", "sink", "scratch", "bending", "bend"})

    def listed(self) -> list[Item]:
        """Return the templates of the train split, or the test clouds."""
        paths = list_files(self.folder / self.split, (".pcd",))
        if self.split == "train":
            named = [path for path in paths if "template" in path.stem.lower()]
            return [Item(name=path.stem, defect="good", path=path) for path in named]
        return [self._item(path) for path in paths]

    def read(self, item: Item) -> Cloud:
        """Return the cloud, a defective one with the labels of its label file."""
        if item.truth is None:
            return read_cloud(item.path)
        return read_labeled(item.truth, item.path, label_points=self.label_points)

    def _item(self, path: Path) -> Item:
        name, own = path.stem.lower(), self.folder.name.lower()
        if "positive" in name:
            return Item(name=path.stem, defect="good", path=path)
        kind = DIGITS.sub("", name.removeprefix(own)).strip("_") or "defect"
        truth = self.folder / "GT" / f"{path.stem}.txt"
        numberless = DIGITS.sub("", own)
        if not truth.is_file() and name.startswith(own):
            other = truth.with_name(f"{numberless}{path.stem[len(own) :]}.txt")
            truth = other if other.is_file() else truth
        return Item(name=path.stem, defect=kind, path=path, truth=truth)
