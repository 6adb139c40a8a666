"""The table of data sets: name -> function that opens a split of a category.

A loader is imported when one of its splits is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gmanet.datasets.config import DataConfig
from gmanet.errors import InputError, hint
from gmanet.runtime.lazy_table import LazyTable

if TYPE_CHECKING:
    from gmanet.datasets.base import CloudDataset
    from gmanet.datasets.loaders.published import Published

__all__ = ["DATASETS", "PUBLISHED", "categories", "open_data", "similar_kinds"]

LOADERS = "gmanet.datasets.loaders"

PUBLISHED: Mapping[str, type[Published]] = LazyTable(
    {
        "iec3d": f"{LOADERS}.iec3d:IEC3D",
        "real3d": f"{LOADERS}.real3d:Real3D",
        "shapenet": f"{LOADERS}.shapenet:AnomalyShapeNet",
        "mvtec3d": f"{LOADERS}.mvtec3d:MVTec3D",
        "eyecandies": f"{LOADERS}.eyecandies:Eyecandies",
        "mulsen": f"{LOADERS}.mulsen:MulSen",
        "minishift": f"{LOADERS}.minishift:MiniShift",
        "open_industry": f"{LOADERS}.open_industry:OpenIndustry",
    }
)
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


def _procedural(config: DataConfig, split: str) -> CloudDataset:
    from gmanet.datasets.procedural import Procedural

    return Procedural(
        config.category, split, profile=config.profile, seed=config.seed, poses=config.pose
    )


def _folder(config: DataConfig, split: str) -> CloudDataset:
    from gmanet.datasets.folder import Folder

    return Folder(_root(config), config.category, split=split, label_value=config.label_value)


def _cad(config: DataConfig, split: str) -> CloudDataset:
    from gmanet.datasets.cad.dataset import open_cad

    return open_cad(config, split)


DATASETS: dict[str, Callable[[DataConfig, str], CloudDataset]] = {
    "procedural": _procedural,
    "folder": _folder,
    "cad": _cad,
    **dict.fromkeys(PUBLISHED, _published),
}
"""Name -> function of a configuration and a split that opens the data set."""


def _labeled(config: DataConfig, split: str) -> CloudDataset:
    from gmanet.datasets.labeled import LabeledClouds

    names = [name.strip() for name in config.category.split(",")]
    parts = categories(config) if names == ["all"] else names
    splits = [DATASETS[config.name](replace(config, category=name), "test") for name in parts]
    return LabeledClouds(splits, split, seed=config.split_seed, unseen=config.unseen)


def categories(config: DataConfig) -> list[str]:
    """Return the categories of the data set that a configuration names.

    Raises:
        InputError: The data set is unknown, or its root is missing or has no categories.
    """
    _known(config)
    if config.name in PUBLISHED:
        return list(PUBLISHED[config.name].folders(_root(config)))
    if config.name != "procedural":
        return [config.category]
    from gmanet.datasets.procedural import CATEGORIES

    return list(CATEGORIES)


def open_data(config: DataConfig, split: str) -> CloudDataset:
    """Return one split, ``train`` or ``test``, of the data that a configuration describes.

    Raises:
        InputError: The data set is unknown, or its loader cannot use the files.
    """
    _known(config)
    data = _labeled(config, split) if config.supervised else DATASETS[config.name](config, split)
    if split == "train" and 0 < config.train_clouds < len(data):
        from gmanet.datasets.subset import Subset

        data = Subset(data, data.names[: config.train_clouds])
    if split == "train" and config.views:
        from gmanet.datasets.single_view import SingleView

        data = SingleView(data, config.views)
    if split == "test" and config.rescan:
        from gmanet.datasets.rescan import Rescanned

        data = Rescanned(data, config.rescan, seed=config.seed)
    return data


def similar_kinds(config: DataConfig) -> frozenset[str]:
    """Return the kinds of defects that Table IX reports separately; none for most data sets."""
    return PUBLISHED[config.name].similar if config.name in PUBLISHED else frozenset()


def _known(config: DataConfig) -> None:
    if config.name not in DATASETS:
        near, there = hint(config.name, DATASETS), ", ".join(DATASETS)
        raise InputError(f"data={config.name!r} is unknown{near}; there are: {there}")
