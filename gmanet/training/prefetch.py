"""A DataLoader that fetches the next batch from its workers while a step computes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gmanet.runtime.piped_loader import PipedLoader

__all__ = ["PrefetchLoader"]

END = object()


class PrefetchLoader(PipedLoader):
    """A loader with a thread that hides the transfer of a batch, some milliseconds of each step.

    Batches and their order are those of a :class:`~torch.utils.data.DataLoader`.  Without workers
    nothing is prefetched.
    """

    taken: Generator[Any] | None = None

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Return an iterator over the batches; an earlier unfinished iterator ends."""
        if self.taken is not None:
            self.taken.close()  # persistent workers serve one iterator at a time
        batches = super().__iter__()
        if self.num_workers == 0:
            return batches
        self.taken = _prefetched(batches)
        return self.taken


def _prefetched(batches: Iterator[Any]) -> Generator[Any]:
    """Yield batches while a thread fetches the next one."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, END)
        while (batch := coming.result()) is not END:
            coming = thread.submit(next, batches, END)
            yield batch
