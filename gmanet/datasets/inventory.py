"""Inventory of a data set: for each scan a digest, a size and the notes of its reader.

A run stores its inventory, so that a later start notices scans that were added, removed, replaced
or relabeled (``gmanet.runs.folder``).  Every file is read for the inventory before training starts.
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
from gmanet.datasets.units import check_sizes, foreign_sizes
from gmanet.errors import InputError, note
from gmanet.runtime.rank import rank

__all__ = ["Entry", "entry_of", "grouped", "inventory", "take_inventory"]

PATIENCE = 2.0
"""Time of reading after which worker processes read the remaining scans, in seconds."""
NOTES = 6
"""Largest number of sentences that are printed."""
NAMED = 9
"""Largest number of further scans that a sentence on broken ones names."""
VARIABLE = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?")
"""Numbers in a note; notes that differ only in numbers are grouped."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One scan of a data set.

    Args:
        name: Name of the cloud.
        fingerprint: Digest of the coordinates, ``Cloud.fingerprint``.
        truth: Digest of the kind of defect and of the labels.
        points: Number of points.
        diameter: Diameter of the cloud (``Cloud.diameter``), in the unit of the file.
        size: Size of the cloud without distant outliers (``robust_size``), in the unit of the file.
        notes: Notes of the reader (``Cloud.notes``).
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

    For a data set of single-sided views or rescans, the entries are those of the original scans.

    Args:
        dataset: The clouds.
        progress: Whether to show a progress bar if reading takes more than half a second.
        processes: Number of worker processes if reading takes long.

    Raises:
        InputError: Scans cannot be read; the sentence names them all.
    """
    scans = dataset.scanned if isinstance(dataset, CloudDataset) else dataset
    split = getattr(dataset, "split", "")
    entries = _entries(scans, processes)
    bar = tqdm(
        entries, f"read {split}".strip(), len(scans), disable=not progress, unit="scan", delay=0.5
    )
    found = list(bar)
    errors = [str(one) for one in found if isinstance(one, InputError)]
    if errors:
        raise InputError(_refusal(errors))
    return [one for one in found if isinstance(one, Entry)]


def _refusal(errors: Sequence[str]) -> str:
    """Return one sentence on all scans that cannot be used, so that one repair is enough."""
    if len(errors) == 1:
        return errors[0]
    others = [error.partition(": ")[0] for error in errors[1 : NAMED + 1]]
    more = f" and {len(errors) - 1 - NAMED} more" if len(errors) > NAMED + 1 else ""
    return f"{errors[0]}; neither can be used: {', '.join(others)}{more}"


def inventory(
    config: DataConfig,
    train: CloudDataset,
    *,
    test: CloudDataset,
    processes: int = 0,
    progress: bool = True,
) -> dict[str, list[Entry]]:
    """Return the entries of both splits after reading every file, and print notes on the scans.

    Both lists are empty for the procedural data set, which has no files, and in all processes of a
    run but the first.

    Args:
        config: The data.
        train: Normal clouds.
        test: Clouds to score.
        processes: Number of worker processes if reading takes long.
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
    if config.supervised:  # several parts, whose sizes differ
        return _noted(found, train, test=test, foreign=[])
    sizes = [[entry.size for entry in found[split]] for split in ("train", "test")]
    check_sizes(sizes[0], places[0])
    foreign = foreign_sizes(sizes[0], sizes[1], places=places[1])
    return _noted(found, train, test=test, foreign=foreign)


def _noted(
    found: dict[str, list[Entry]],
    train: CloudDataset,
    *,
    test: CloudDataset,
    foreign: Sequence[str],
) -> dict[str, list[Entry]]:
    """Return the entries of both splits after printing the notes on the scans."""
    entries = [*found["train"], *found["test"]]
    for sentence in [*dict.fromkeys([*train.notes, *test.notes]), *foreign, *grouped(entries)]:
        note(sentence)
    return found


def grouped(entries: Iterable[Entry]) -> list[str]:
    """Return the notes of the scans; notes that differ only in numbers become one sentence."""
    groups: dict[str, list[str]] = {}
    for entry in entries:
        for sentence in entry.notes:  # a sentence begins with the file
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
    """Return the files of the scans, or their names if the data set has no files."""
    files: Sequence[Path] = data.scanned.files
    return [str(path) for path in files] or [entry.name for entry in entries]


def _entries(scans: CloudDataset | Sequence[Cloud], processes: int) -> Iterator[Entry | InputError]:
    """Yield the entries in order; worker processes take over after ``PATIENCE`` seconds.

    A scan that cannot be used yields its error.
    """
    entries = _Entries(scans)
    start = time.perf_counter()
    for index in range(len(scans)):
        left = range(index, len(scans))
        slow = time.perf_counter() - start > PATIENCE
        if slow and 1 < processes <= len(left):
            from torch.utils.data import DataLoader

            source: Any = entries
            yield from DataLoader(
                source, None, sampler=left, num_workers=processes, collate_fn=_as_is
            )
            return
        yield entries[index]


class _Entries:
    """Entries of clouds, or errors, by index: a data set for worker processes."""

    def __init__(self, scans: CloudDataset | Sequence[Cloud]) -> None:
        self.scans = scans

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, index: int) -> Entry | InputError:
        try:
            return entry_of(self.scans[index])
        except InputError as error:
            return InputError(str(error))


def _as_is(entry: Any) -> Any:
    return entry
