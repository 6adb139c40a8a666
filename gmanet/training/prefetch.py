"""A DataLoader that takes the next batch from its workers while a step computes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gmanet.runtime.piped_loader import PipedLoader

__all__ = ["PrefetchLoader"]

END = object()


class PrefetchLoader(PipedLoader):
    """Lightning's steps wait for the hand-over of a batch, some milliseconds; a thread hides it.

    Batches and their order are those of a :class:`~torch.utils.data.DataLoader`.  Without workers
    it is one: there is nobody to take from.
    """

    taken: Generator[Any] | None = None

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Return an iterator over the batches; one that was left halfway ends."""
        if self.taken is not None:
            self.taken.close()  # living workers serve one iterator at a time
        batches = super().__iter__()
        if self.num_workers == 0:
            return batches
        self.taken = _prefetched(batches)
        return self.taken


def _prefetched(batches: Iterator[Any]) -> Generator[Any]:
    """Yield batches; a thread asks for the next one meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, END)
        while (batch := coming.result()) is not END:
            coming = thread.submit(next, batches, END)
            yield batch
