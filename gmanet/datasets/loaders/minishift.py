"""MiniShift (Cheng et al., AAAI 2026): twelve shapes, half a million points each, tiny defects.

``<category>/train/good/*.txt`` and ``<category>/test/good/*.txt`` are normal clouds,
``<category>/test/<defect>/{easy,medium,hard}/*.txt`` are defective clouds; all hold ``x y z`` rows.
The label file of a defective cloud has the same path with ``gt`` instead of ``test``; it holds one
0 or 1 per line, in the order of the points.
"""

from __future__ import annotations

from gmanet.cloud import Cloud
from gmanet.datasets.loaders.published import Item, Published, defect_folders
from gmanet.datasets.loaders.truth import read_flags
from gmanet.errors import InputError
from gmanet.formats import list_files, read_cloud
from gmanet.formats.text import count_columns

__all__ = ["MiniShift"]

LEVELS = ("easy", "medium", "hard")


class MiniShift(Published):
    """One split of one category; the name of a cloud is ``<defect>_<level>_<stem>``."""

    layout = (
        "<category>/train/good/*.txt, <category>/test/good/*.txt, "
        "<category>/test/<defect>/{easy,medium,hard}/*.txt and gt for test"
    )
    source = "MiniShift, Cheng et al.: Hugging Face, ChengYuQi99/MiniShift"
    marker = "train/good"

    def listed(self) -> list[Item]:
        """Return the normal clouds, then the others by kind of defect and level."""
        folder = self.folder / self.split
        good = list_files(folder / "good", (".txt",))
        items = [Item(name=f"good_{path.stem}", defect="good", path=path) for path in good]
        for kind in [] if self.split == "train" else defect_folders(folder):
            for level in LEVELS:
                for path in list_files(kind / level, (".txt",)):
                    truth = self.folder / "gt" / kind.name / level / path.name
                    name = f"{kind.name}_{level}_{path.stem}"
                    items.append(Item(name=name, defect=kind.name.lower(), path=path, truth=truth))
        return items

    def read(self, item: Item) -> Cloud:
        """Return the cloud, a defective one with the labels of its label file."""
        cloud = read_cloud(item.path)
        if count_columns(item.path) != 3:
            raise InputError(f"{item.path}: four columns or more, wanted x y z")
        if item.truth is None:
            return cloud.replace(label=None)
        label = read_flags(item.truth, cloud.file_points or len(cloud), counted=item.path)
        return cloud.replace(label=label if cloud.rows is None else label[cloud.rows])
