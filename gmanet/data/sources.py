"""The table of data sets: name -> how one split of one category is opened."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.data.config import DataConfig
from gmanet.data.dataset import CloudDataset
from gmanet.data.folder import Folder
from gmanet.data.iec3d import IEC3D
from gmanet.data.procedural import Procedural
from gmanet.errors import InputError

__all__ = ["SOURCES", "First", "open_data"]


def _root(config: DataConfig) -> Path:
    if config.root is None:
        raise InputError(f"data={config.name} needs data.root=FOLDER, the folder of the data set")
    return Path(config.root)


SOURCES: dict[str, Callable[[DataConfig, str], CloudDataset]] = {
    "procedural": lambda c, split: Procedural(c.category, split, c.profile, c.seed),
    "iec3d": lambda c, split: IEC3D(_root(c), c.category, split),
    "folder": lambda c, split: Folder(_root(c), c.category, split),
}
"""Name -> the split named second of the data that the configuration describes."""


class First(CloudDataset):
    """The first clouds of another data set."""

    def __init__(self, whole: CloudDataset, count: int) -> None:
        super().__init__(whole.category, whole.split)
        self.whole, self.count = whole, count

    @property
    def names(self) -> list[str]:
        """Return the clouds' names."""
        return self.whole.names[: self.count]

    def __getitem__(self, index: int) -> Cloud:
        return self.whole[range(len(self))[index]]


def open_data(config: DataConfig, split: str) -> CloudDataset:
    """Return one split, ``train`` or ``test``, of the data that a configuration describes.

    Raises:
        InputError: An unknown data set, or what its reader refuses.
    """
    if config.name not in SOURCES:
        close = get_close_matches(config.name, SOURCES, 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise InputError(f"data={config.name!r} is unknown{hint}; there are: {', '.join(SOURCES)}")
    data = SOURCES[config.name](config, split)
    if split == "train" and 0 < config.train_clouds < len(data):
        return First(data, config.train_clouds)
    return data
