"""The order of items in a fit: fixed by seed and epoch, and divided among processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import Sampler

__all__ = ["EpochSampler"]


class EpochSampler(Sampler[tuple[int, int]]):
    """Sampler of keys ``(epoch, index)`` in an order that depends on seed and epoch alone.

    The epoch, and the position in it, follow from the number of optimizer steps, so that a resumed
    run continues with the next batch.  (Lightning's count of epochs is off by one after a resumed
    run with a limit of steps.)  Every process takes each ``world``-th key.

    Args:
        length: Number of items in an epoch.
        seed: Seed of the order.
        rank: Rank of this process.
        world: Number of processes.
        batch: Number of items of one step in this process; items of an epoch that do not fill a
            step are left out.
        steps: Function that returns the number of optimizer steps so far.
    """

    def __init__(
        self,
        length: int,
        seed: int,
        *,
        rank: int = 0,
        world: int = 1,
        batch: int = 1,
        steps: Callable[[], int] = int,
    ) -> None:
        self.length, self.seed, self.rank, self.world = length, seed, rank, world
        self.batch, self.steps = batch, steps

    def __len__(self) -> int:
        return self.length // self.world // self.batch * self.batch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch, done = divmod(self.steps(), max(1, len(self) // self.batch))
        order = np.random.default_rng([self.seed, epoch]).permutation(self.length)
        mine = order[self.rank :: self.world][: len(self)]
        return ((epoch, int(index)) for index in mine[done * self.batch :])
