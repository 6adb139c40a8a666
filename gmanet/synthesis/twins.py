"""The twins of a run: twin ``i`` is made of cloud ``i mod n`` with the generator ``[seed, i]``.

So a twin depends neither on other twins nor on the worker that makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from gmanet.cloud import Cloud
from gmanet.synthesis.spcg import Generator

__all__ = ["Clouds", "make_twin"]


class Clouds(Protocol):
    """Normal clouds by number: a data set or a list."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Cloud: ...


def make_twin(
    generator: Generator, clouds: Clouds | Sequence[Cloud], *, index: int, seed: int
) -> tuple[Cloud, Cloud]:
    """Return a normal cloud and its twin.

    Args:
        generator: Generator of twins.
        clouds: Normal clouds.
        index: Number of the twin.
        seed: Seed of the run.
    """
    normal = clouds[index % len(clouds)]
    return normal, generator.twin(normal, np.random.default_rng([seed, index]))
