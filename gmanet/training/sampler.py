"""The order in which a fit takes items: fixed by seed and epoch, shared among processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import Sampler

__all__ = ["EpochSampler"]


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields ``(epoch, index)`` in an order that depends on the seed and the epoch alone.

    The epoch, and the place in it, follow from the number of steps made, so that a resumed run goes
    on with the batch that was next.  (Lightning's own count of epochs is off by one after a resumed
    run that is limited by steps.)  Every process takes each ``world``-th key.

    Args:
        length: Pairs.
        seed: Decides the order.
        rank: This process's number.
        world: Number of processes.
        batch: This process's pairs of one step; what remains of an epoch after whole steps is left
            out.
        steps: Returns how many steps were made.
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
