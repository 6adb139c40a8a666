"""The table of data sets: name -> function that opens a split of a category."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
from gmanet.datasets.single_view import SingleView
from gmanet.datasets.subset import Subset
from gmanet.errors import InputError, hint

__all__ = ["DATASETS", "PUBLISHED", "categories", "open_data", "similar_kinds"]


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
"""Name -> loader of a published data set."""


def _root(config: DataConfig) -> Path:
    if config.root is None:
        loader = PUBLISHED.get(config.name)
        where = f" ({loader.source}), which holds {loader.layout}" if loader else ""
        raise InputError(f"data={config.name} needs data.root=FOLDER, that of the data set{where}")
    return Path(config.root)


def _published(config: DataConfig, split: str) -> CloudDataset:
    loader, label_points = PUBLISHED[config.name], config.label_points
    return loader(_root(config), config.category, split=split, label_points=label_points)


DATASETS: dict[str, Callable[[DataConfig, str], CloudDataset]] = {
    "procedural": lambda c, split: Procedural(c.category, split, profile=c.profile, seed=c.seed),
    "folder": lambda c, split: Folder(_root(c), c.category, split=split, label_value=c.label_value),
    **dict.fromkeys(PUBLISHED, _published),
}
"""Name -> function of a configuration and a split that opens the data set."""


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
    data = DATASETS[config.name](config, split)
    if split == "train" and 0 < config.train_clouds < len(data):
        data = Subset(data, data.names[: config.train_clouds])
    if split == "train" and config.views:
        data = SingleView(data, config.views)
    return data


def similar_kinds(config: DataConfig) -> frozenset[str]:
    """Return the kinds of defects that Table IX reports apart; none for most data sets."""
    return PUBLISHED[config.name].similar if config.name in PUBLISHED else frozenset()


def _known(config: DataConfig) -> None:
    if config.name not in DATASETS:
        near, there = hint(config.name, DATASETS), ", ".join(DATASETS)
        raise InputError(f"data={config.name!r} is unknown{near}; there are: {there}")
