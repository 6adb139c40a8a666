"""From clouds to what a detector reads, with the truth beside it; runs in the data workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset
from torch_geometric.data import Data

from gmanet.cloud import Cloud

if TYPE_CHECKING:
    from gmanet.datasets.base import CloudDataset

__all__ = ["ReadClouds", "Reader", "read"]

Reader = Callable[[Cloud], Data]
"""Turns a cloud into what a detector reads; its record has as many nodes as the cloud points."""


def read(cloud: Cloud, reader: Reader) -> Data:
    """Return the reader's record with the cloud's own fields.

    Added are ``pos (N, 3)``, ``label (N,)`` (all False where unknown: see ``labelled``),
    ``labelled``, ``name``, ``defect`` and the reader's ``seconds``.
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


class ReadClouds(Dataset[Data]):
    """Clouds as a detector reads them."""

    def __init__(self, clouds: CloudDataset, reader: Reader) -> None:
        self.clouds, self.reader = clouds, reader

    def __len__(self) -> int:
        return len(self.clouds)

    def __getitem__(self, index: int) -> Data:
        return read(self.clouds[index], self.reader)
