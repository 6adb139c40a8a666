"""The clouds of another data set that are still to be done."""

from __future__ import annotations

from collections.abc import Collection

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset

__all__ = ["Remaining"]


class Remaining(CloudDataset):
    """Some clouds of a data set, in its order.

    Args:
        whole: The data set.
        names: Names of the clouds that remain.
    """

    def __init__(self, whole: CloudDataset, names: Collection[str]) -> None:
        super().__init__(whole.category, whole.split)
        wanted = set(names)
        self.whole = whole
        self.unit = whole.unit
        self.index = [place for place, name in enumerate(whole.names) if name in wanted]

    @property
    def names(self) -> list[str]:
        """Return the names of the clouds that remain."""
        every = self.whole.names
        return [every[place] for place in self.index]

    def __getitem__(self, index: int) -> Cloud:
        return self.whole[self.index[index]]
