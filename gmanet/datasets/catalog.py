"""The table of data sets: name -> how one split of one category is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.config import DataConfig
from gmanet.datasets.folder import Folder
from gmanet.datasets.loaders.eyecandies import Eyecandies
from gmanet.datasets.loaders.iec3d import IEC3D
from gmanet.datasets.loaders.minishift import MiniShift
from gmanet.datasets.loaders.mulsen import MulSen
from gmanet.datasets.loaders.mvtec3d import MVTec3D
from gmanet.datasets.loaders.open_industry import OpenIndustry
from gmanet.datasets.loaders.published import Published
from gmanet.datasets.loaders.real3d import Real3D
from gmanet.datasets.loaders.shapenet import AnomalyShapeNet
from gmanet.datasets.procedural import CATEGORIES, Procedural
from gmanet.datasets.single_view import SingleSided
from gmanet.errors import InputError

__all__ = ["PUBLISHED", "SOURCES", "First", "categories", "open_data", "similar_kinds"]


PUBLISHED: dict[str, type[Published]] = {
    "iec3d": IEC3D,
    "real3d": Real3D,
    "shapenet": AnomalyShapeNet,
    "mvtec3d": MVTec3D,
    "eyecandies": Eyecandies,
    "mulsen": MulSen,
    "minishift": MiniShift,
    "open_industry": OpenIndustry,
}
"""Name -> loader of a data set that others have published."""


def _root(config: DataConfig) -> Path:
    if config.root is None:
        loader = PUBLISHED.get(config.name)
        where = f" ({loader.source}), which holds {loader.layout}" if loader else ""
        raise InputError(f"data={config.name} needs data.root=FOLDER, that of the data set{where}")
    return Path(config.root)


def _published(config: DataConfig, split: str) -> CloudDataset:
    loader, label_points = PUBLISHED[config.name], config.label_points
    return loader(_root(config), config.category, split, label_points=label_points)


SOURCES: dict[str, Callable[[DataConfig, str], CloudDataset]] = {
    "procedural": lambda c, split: Procedural(c.category, split, c.profile, c.seed),
    "folder": lambda c, split: Folder(_root(c), c.category, split, c.label_value),
    **dict.fromkeys(PUBLISHED, _published),
}
"""Name -> the split named second of the data that the configuration describes."""


class First(CloudDataset):
    """The first clouds of another data set."""

    def __init__(self, whole: CloudDataset, count: int) -> None:
        super().__init__(whole.category, whole.split)
        self.whole, self.count = whole, count
        self.unit = whole.unit

    @property
    def names(self) -> list[str]:
        """Return the clouds' names."""
        return self.whole.names[: self.count]

    @property
    def files(self) -> Sequence[Path]:
        """Return the clouds' files."""
        return self.whole.files[: self.count]

    @property
    def notes(self) -> Sequence[str]:
        """Return the notes of the other data set."""
        return self.whole.notes

    def __getitem__(self, index: int) -> Cloud:
        return self.whole[range(len(self))[index]]


def categories(config: DataConfig) -> list[str]:
    """Return the categories of the data set that a configuration names.

    Raises:
        InputError: An unknown data set, or its root is missing or has no categories.
    """
    _known(config)
    if config.name in PUBLISHED:
        return list(PUBLISHED[config.name].folders(_root(config)))
    return list(CATEGORIES) if config.name == "procedural" else [config.category]


def open_data(config: DataConfig, split: str) -> CloudDataset:
    """Return one split, ``train`` or ``test``, of the data that a configuration describes.

    Raises:
        InputError: An unknown data set, or what its reader refuses.
    """
    _known(config)
    data = SOURCES[config.name](config, split)
    if split == "train" and 0 < config.train_clouds < len(data):
        data = First(data, config.train_clouds)
    if split == "train" and config.views:
        data = SingleSided(data, config.views)
    return data


def similar_kinds(config: DataConfig) -> frozenset[str]:
    """Return the kinds of defects that Table IX tells from others; none for most data sets."""
    return PUBLISHED[config.name].similar if config.name in PUBLISHED else frozenset()


def _known(config: DataConfig) -> None:
    if config.name not in SOURCES:
        close = get_close_matches(config.name, SOURCES, 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise InputError(f"data={config.name!r} is unknown{hint}; there are: {', '.join(SOURCES)}")
