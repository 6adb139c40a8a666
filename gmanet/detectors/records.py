"""Records: what a detector reads of a cloud."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch.utils.data import Dataset

from gmanet.cloud import Cloud

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from gmanet.datasets.base import CloudDataset

__all__ = ["ReadClouds", "Reader", "read"]

Reader: TypeAlias = "Callable[[Cloud], Data]"
"""Function from a cloud to the record that a detector reads, with one node for each point."""


def read(cloud: Cloud, reader: Reader) -> Data:
    """Return the reader's record of a cloud, with the fields of the cloud added to it.

    Args:
        cloud: The cloud.
        reader: The detector's reader.

    Returns:
        The record with the further fields ``pos (N, 3)``, ``labelled`` (whether the cloud has
        labels), ``label (N,)`` (all False if it has none), ``name``, ``defect`` and ``seconds``
        (time that the reader took).
    """
    start = time.perf_counter()
    data = reader(cloud)
    data.seconds = time.perf_counter() - start
    label = np.zeros(len(cloud), dtype=bool) if cloud.label is None else cloud.label
    data.pos = torch.from_numpy(np.ascontiguousarray(cloud.pos))
    data.label = torch.from_numpy(np.ascontiguousarray(label))
    data.labelled = cloud.label is not None
    data.name = cloud.name
    data.defect = cloud.defect or ""
    return data


class ReadClouds(Dataset["Data"]):
    """Data set of a detector's records of clouds."""

    def __init__(self, clouds: CloudDataset, reader: Reader) -> None:
        self.clouds, self.reader = clouds, reader

    def __len__(self) -> int:
        return len(self.clouds)

    def __getitem__(self, index: int) -> Data:
        return read(self.clouds[index], self.reader)
