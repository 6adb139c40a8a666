"""How batches come from data workers: through a pipe, so that no shared memory is needed.

Containers often have 64 MB of it, and a worker that wants more is killed without a word.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader, default_collate, default_convert

from gmanet.runtime.orphans import end_with

__all__ = ["PipedLoader"]


class PipedLoader(DataLoader[Any]):
    """A DataLoader whose workers end with this process and send what they read as bytes.

    Batches and their order are those of a :class:`~torch.utils.data.DataLoader`.  This process
    collates them: within a worker PyTorch Geometric would do so in shared memory.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        *,
        collate_fn: Callable[[Any], Any] | None = None,
        num_workers: int = 0,
        **settings: Any,
    ) -> None:
        if num_workers:
            usual = default_convert if batch_size is None else default_collate
            self.unpacked = partial(_unpacked, collate_fn or usual)
            collate_fn = _packed
            settings["worker_init_fn"] = partial(_begin, os.getpid())
        super().__init__(
            dataset, batch_size, collate_fn=collate_fn, num_workers=num_workers, **settings
        )

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Return an iterator over the batches."""
        batches = super().__iter__()
        return map(self.unpacked, batches) if self.num_workers else batches


class _Pickler(pickle.Pickler):
    """Pickles tensors as arrays: torch's own way copies them twice more."""

    def reducer_override(self, value: Any) -> Any:
        """Return how a tensor is made again, or NotImplemented for all else."""
        if type(value) is torch.Tensor and value.device.type == "cpu" and not value.requires_grad:
            try:
                return torch.from_numpy, (value.numpy(),)
            except TypeError:  # a type that NumPy lacks
                pass
        return NotImplemented


def _packed(items: Any) -> bytes:
    """Return what a batch is made of as bytes; runs in a worker."""
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(items)
    return file.getvalue()


def _unpacked(collate: Callable[[Any], Any], packed: bytes) -> Any:
    """Return the batch of what a worker sent."""
    return collate(pickle.loads(packed))


def _begin(parent: int, _: int) -> None:
    """Begin a worker."""
    end_with(parent)
