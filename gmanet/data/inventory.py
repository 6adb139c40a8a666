"""What a data set consists of: for each scan a digest, a size and what is to be said of the scan.

A run stores its inventory, so that scans that were added, removed, exchanged or labelled anew are
noticed (``gmanet.run``); taking it reads every file before the first step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Cloud
from gmanet.data.config import DataConfig
from gmanet.data.dataset import CloudDataset

__all__ = ["Entry", "entry_of", "inventory", "take_inventory"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One scan of a data set.

    Args:
        name: Of the cloud.
        fingerprint: Digest of the coordinates: ``Cloud.fingerprint``.
        truth: Digest of the kind of defect and of the labels.
        points: Number of points.
        diameter: ``Cloud.diameter``, in the unit of the file.
        notes: ``Cloud.notes``.
    """

    name: str
    fingerprint: str
    truth: str
    points: int
    diameter: float
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
        notes=cloud.notes,
    )


def take_inventory(clouds: Iterable[Cloud]) -> list[Entry]:
    """Return the entries of clouds, such as those of a data set, in their order.

    Raises:
        InputError: A scan cannot be read.
    """
    return [entry_of(cloud) for cloud in clouds]


def inventory(
    config: DataConfig, train: CloudDataset, test: CloudDataset
) -> dict[str, list[Entry]]:
    """Return the entries of both splits; none of the procedural data set, which never changes.

    Args:
        config: Which data set it is.
        train: Its normal clouds.
        test: Its test clouds.

    Raises:
        InputError: A scan cannot be read.
    """
    if config.name == "procedural":
        return {"train": [], "test": []}
    return {"train": take_inventory(train), "test": take_inventory(test)}
