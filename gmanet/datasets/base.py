"""Base class of data sets: one split of one category, an index of named clouds, read lazily."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from gmanet.cloud import Cloud

__all__ = ["SPLITS", "CloudDataset", "kind_of_defect"]

SPLITS = ("train", "test")
"""Train clouds are normal; test clouds are normal or defective and carry labels where known."""


def kind_of_defect(cloud: Cloud) -> str:
    """Return the kind of a cloud's defect, as in :attr:`CloudDataset.defects`."""
    if cloud.defect is not None:
        return cloud.defect
    return {None: "", True: "abnormal", False: "good"}[cloud.abnormal]


class CloudDataset(ABC):
    """One split of one category.  ``dataset[i]`` reads and checks cloud ``i``."""

    unit = ""
    """Unit of the coordinates, such as ``mm``; empty if the data set does not state the unit."""

    def __init__(self, category: str, split: str) -> None:
        if split not in SPLITS:
            raise ValueError(f"split {split!r}, wanted one of {', '.join(SPLITS)}")
        self.category = category
        self.split = split

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """Return the clouds' names, in order, without reading them."""

    @property
    def files(self) -> Sequence[Path]:
        """Return the clouds' files, in the order of the names; empty if clouds are not files."""
        return []

    @property
    def defects(self) -> Sequence[str]:
        """Return the kinds of defects in the order of the names, ``good`` for normal clouds.

        Defective clouds of unknown kind are ``abnormal``; clouds of which nothing is known have an
        empty kind.  By default every cloud is read.
        """
        return [kind_of_defect(cloud) for cloud in self]

    @property
    def scanned(self) -> CloudDataset:
        """Return the data set of the original scans: this one, unless derived from another one."""
        return self

    @property
    def notes(self) -> Sequence[str]:
        """Return sentences on files in the folders of the data set that are not read."""
        return []

    @abstractmethod
    def __getitem__(self, index: int) -> Cloud: ...

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Cloud]:
        return (self[index] for index in range(len(self)))
