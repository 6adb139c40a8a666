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
from torch.utils.data import DataLoader

from gmanet.orphans import end_with

__all__ = ["PipedLoader"]


class PipedLoader(DataLoader[Any]):
    """A DataLoader whose workers end with this process and send their batches as bytes.

    Batches and their order are those of a :class:`~torch.utils.data.DataLoader`.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        *,
        collate_fn: Callable[[Any], Any],
        num_workers: int = 0,
        **settings: Any,
    ) -> None:
        if num_workers:
            collate_fn = partial(_packed, collate_fn)
            settings["worker_init_fn"] = partial(_begin, os.getpid())
        super().__init__(
            dataset, batch_size, collate_fn=collate_fn, num_workers=num_workers, **settings
        )

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Return an iterator over the batches."""
        batches = super().__iter__()
        return map(pickle.loads, batches) if self.num_workers else batches


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


def _packed(collate: Callable[[Any], Any], items: Any) -> bytes:
    """Return a batch as bytes; runs in a worker."""
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(collate(items))
    return file.getvalue()


def _begin(parent: int, _: int) -> None:
    """Begin a worker."""
    end_with(parent)
