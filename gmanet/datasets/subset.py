"""Subset of the clouds of a data set."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset

__all__ = ["Subset"]


class Subset(CloudDataset):
    """Subset of the clouds of a data set, in the order of the data set.

    Args:
        whole: The data set.
        names: Names of the clouds; names that the data set lacks are ignored.
    """

    def __init__(self, whole: CloudDataset, names: Collection[str]) -> None:
        super().__init__(whole.category, whole.split)
        wanted = set(names)
        self.whole = whole
        self.unit, self.mesh = whole.unit, whole.mesh
        self.index = [place for place, name in enumerate(whole.names) if name in wanted]

    @property
    def names(self) -> list[str]:
        """Return the names of these clouds."""
        every = self.whole.names
        return [every[place] for place in self.index]

    @property
    def files(self) -> Sequence[Path]:
        """Return the files of these clouds; empty where the data set has none."""
        every = self.whole.files
        return [every[place] for place in self.index] if every else []

    @property
    def notes(self) -> Sequence[str]:
        """Return the notes of the whole data set."""
        return self.whole.notes

    def __getitem__(self, index: int) -> Cloud:
        return self.whole[self.index[index]]
