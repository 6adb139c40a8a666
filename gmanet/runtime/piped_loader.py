"""Transfer of batches from data workers through a pipe, without shared memory.

Containers often have only 64 MB of shared memory, and a worker that exceeds this limit is killed
without an error message.
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
    """DataLoader whose workers end with this process and send their items as bytes.

    Batches and their order are those of :class:`~torch.utils.data.DataLoader`.  Items are collated
    in this process, because PyTorch Geometric would collate in shared memory within a worker.

    Args:
        dataset: Data set of the items.
        batch_size: Number of items per batch; None: items are not batched.
        collate_fn: Function that makes a batch of a list of items; None: PyTorch's default.
        num_workers: Number of worker processes; 0: items are read in this process.
        settings: Further arguments of :class:`~torch.utils.data.DataLoader`.
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
    """Pickler of tensors as NumPy arrays, which avoids two copies by torch's own reduction."""

    def reducer_override(self, value: Any) -> Any:
        """Return how to restore a CPU tensor (function, arguments), or else NotImplemented."""
        if type(value) is torch.Tensor and value.device.type == "cpu" and not value.requires_grad:
            try:
                return torch.from_numpy, (value.numpy(),)
            except TypeError:  # NumPy lacks the data type
                pass
        return NotImplemented


def _packed(items: Any) -> bytes:
    """Return the items of a batch as bytes; called in a worker."""
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(items)
    return file.getvalue()


def _unpacked(collate: Callable[[Any], Any], packed: bytes) -> Any:
    """Return the batch of the items in a worker's bytes."""
    return collate(pickle.loads(packed))


def _begin(parent: int, _: int) -> None:
    """Initialize a worker, which ends with its parent process."""
    end_with(parent)
