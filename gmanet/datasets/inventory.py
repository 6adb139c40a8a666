"""Inventory of a data set: for each scan a digest, a size and what is to be said of the scan.

A run stores its inventory, so that scans that were added, removed, exchanged or labelled anew are
noticed (``gmanet.runs.folder``); taking it reads every file before the first step.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from gmanet.cloud import Cloud, robust_size
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.config import DataConfig
from gmanet.datasets.single_view import SingleView
from gmanet.datasets.units import check_sizes, foreign_sizes
from gmanet.errors import note
from gmanet.runtime.rank import rank

__all__ = ["Entry", "entry_of", "grouped", "inventory", "take_inventory"]

PATIENCE = 2.0
"""Seconds of reading after which other processes are started to read the rest."""
NOTES = 6
"""Sentences that are printed at most."""
VARIABLE = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?")
"""What differs in the notes of two scans that say the same."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One scan of a data set.

    Args:
        name: Of the cloud.
        fingerprint: Digest of the coordinates: ``Cloud.fingerprint``.
        truth: Digest of the kind of defect and of the labels.
        points: Number of points.
        diameter: ``Cloud.diameter``, in the unit of the file.
        size: Size without single points far away, in the unit of the file: ``robust_size``.
        notes: ``Cloud.notes``.
    """

    name: str
    fingerprint: str
    truth: str
    points: int
    diameter: float
    size: float = 0.0
    notes: tuple[str, ...] = ()


def entry_of(cloud: Cloud) -> Entry:
    """Return the entry of a cloud."""
    found = hashlib.sha256(f"{cloud.defect}".encode())
    if cloud.label is not None:
        found.update(np.packbits(cloud.label).tobytes())
    return Entry(
        name=cloud.name,
        fingerprint=cloud.fingerprint,
        truth=found.hexdigest()[:32],
        points=len(cloud),
        diameter=cloud.diameter,
        size=robust_size(cloud.pos),
        notes=cloud.notes,
    )


def take_inventory(
    dataset: CloudDataset | Sequence[Cloud], *, progress: bool = False, processes: int = 0
) -> list[Entry]:
    """Return the entries of the clouds of a data set, in their order; every file is read.

    Single-sided views are not made: the entries are those of the whole scans.

    Args:
        dataset: The clouds.
        progress: Whether to show a progress bar where it takes longer than a moment.
        processes: Processes that read, where it takes long.

    Raises:
        InputError: A scan cannot be read.
    """
    scans = dataset.whole if isinstance(dataset, SingleView) else dataset
    split = getattr(dataset, "split", "")
    entries = _entries(scans, processes)
    bar = tqdm(
        entries, f"read {split}".strip(), len(scans), disable=not progress, unit="scan", delay=0.5
    )
    return list(bar)


def inventory(
    config: DataConfig,
    train: CloudDataset,
    *,
    test: CloudDataset,
    processes: int = 0,
    progress: bool = True,
) -> dict[str, list[Entry]]:
    """Return the entries of both splits after reading every file, and say what is to be known.

    The procedural data set has no files: its lists are empty.  Of several processes of a run only
    the first reads.

    Args:
        config: The data.
        train: Normal clouds.
        test: Clouds to score.
        processes: Processes that read, where it takes long.
        progress: Whether to show progress bars.

    Raises:
        InputError: A scan cannot be read, or the train scans are in several units.
    """
    if config.name == "procedural" or rank() > 0:
        return {"train": [], "test": []}
    found = {
        data.split: take_inventory(data, progress=progress, processes=processes)
        for data in (train, test)
    }
    places = [_places(data, found[data.split]) for data in (train, test)]
    sizes = [[entry.size for entry in found[split]] for split in ("train", "test")]
    check_sizes(sizes[0], places[0])
    foreign = foreign_sizes(sizes[0], sizes[1], places=places[1])
    entries = [*found["train"], *found["test"]]
    for sentence in [*dict.fromkeys([*train.notes, *test.notes]), *foreign, *grouped(entries)]:
        note(sentence)
    return found


def grouped(entries: Iterable[Entry]) -> list[str]:
    """Return the notes of scans, one sentence for all scans that say the same but for numbers."""
    groups: dict[str, list[str]] = {}
    for entry in entries:
        for sentence in entry.notes:  # begins with the file
            kind = VARIABLE.sub("#", sentence.partition(": ")[2] or sentence)
            groups.setdefault(kind, []).append(sentence)
    said = [
        group[0] if len(group) == 1 else f"{len(group)} scans, for example {group[0]}"
        for group in groups.values()
    ]
    if len(said) > NOTES:
        said[NOTES - 1 :] = [f"{len(said) - NOTES + 1} notes on other scans are left out here"]
    return said


def _places(data: CloudDataset, entries: Sequence[Entry]) -> list[str]:
    """Return the file of each scan, or its name where it has no file of its own."""
    scans = data.whole if isinstance(data, SingleView) else data
    files: Sequence[Path] = scans.files
    return [str(path) for path in files] or [entry.name for entry in entries]


def _entries(scans: CloudDataset | Sequence[Cloud], processes: int) -> Iterator[Entry]:
    """Yield the entries in order; other processes help once it has taken a while."""
    start = time.perf_counter()
    for index in range(len(scans)):
        left = range(index, len(scans))
        slow = time.perf_counter() - start > PATIENCE
        if slow and 1 < processes <= len(left):
            from torch.utils.data import DataLoader

            source: Any = _Entries(scans)
            yield from DataLoader(
                source, None, sampler=left, num_workers=processes, collate_fn=_as_is
            )
            return
        yield entry_of(scans[index])


class _Entries:
    """Entries of clouds by their place, for worker processes."""

    def __init__(self, scans: CloudDataset | Sequence[Cloud]) -> None:
        self.scans = scans

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, index: int) -> Entry:
        return entry_of(self.scans[index])


def _as_is(entry: Any) -> Any:
    return entry
