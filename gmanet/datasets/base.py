"""A data set split: an index of named clouds, read lazily; splits and labels are never guessed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from gmanet.cloud import Cloud

__all__ = ["SPLITS", "CloudDataset"]

SPLITS = ("train", "test")
"""Train clouds are normal; test clouds are normal or defective and carry labels where known."""


class CloudDataset(ABC):
    """One split of one category.  ``dataset[i]`` reads and checks cloud ``i``."""

    unit = ""
    """Unit of the coordinates, where the data set states it."""

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
        """Return the clouds' files, in the order of the names; empty where there are none."""
        return []

    @property
    def scanned(self) -> CloudDataset:
        """Return the clouds as they were scanned: this data set, unless it is made of another."""
        return self

    @property
    def notes(self) -> Sequence[str]:
        """Return sentences on files that lie among those of the data set and are not read."""
        return []

    @abstractmethod
    def __getitem__(self, index: int) -> Cloud: ...

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Cloud]:
        return (self[index] for index in range(len(self)))
