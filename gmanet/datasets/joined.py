"""Several data sets as one split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset

__all__ = ["Joined"]


class Joined(CloudDataset):
    """The clouds of several data sets, one after the other.

    Args:
        parts: Data sets of one category and unit, at least one; no two clouds have the same name.
        split: ``train`` or ``test``.
    """

    def __init__(self, parts: Sequence[CloudDataset], split: str) -> None:
        super().__init__(parts[0].category, split)
        self.unit = parts[0].unit
        self.parts = parts
        self.index = [(part, row) for part in parts for row in range(len(part))]

    @property
    def names(self) -> list[str]:
        """Return the names of the clouds, in order."""
        return [name for part in self.parts for name in part.names]

    @property
    def files(self) -> Sequence[Path]:
        """Return the files of the clouds; empty unless all data sets have files."""
        files = [file for part in self.parts for file in part.files]
        return files if len(files) == len(self) else []

    @property
    def notes(self) -> Sequence[str]:
        """Return the notes of all data sets, each once."""
        return list(dict.fromkeys(note for part in self.parts for note in part.notes))

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, index: int) -> Cloud:
        part, row = self.index[index]
        return part[row]
