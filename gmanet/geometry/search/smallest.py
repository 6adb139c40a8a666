"""The smallest of some keys, in order, without sorting the others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmanet.geometry.jit import compiled

__all__ = ["Keys", "smallest_first"]

Keys = npt.NDArray[np.uint64]


@compiled
def smallest_first(key: Keys, length: int, count: int, ranked: Keys) -> None:
    """Bring the smallest ``count`` of the first ``length`` keys, which differ, to the front.

    ``ranked`` is room for ``count`` keys.  The order of the others is arbitrary.
    """
    _select(key, length, count)
    for at in range(count):  # comparing all with all takes less time than a sort that branches
        one = key[at]
        rank = 0
        for other in range(count):
            rank += key[other] < one
        ranked[rank] = one
    key[:count] = ranked[:count]


@compiled
def _select(key: Keys, length: int, count: int) -> None:
    """Bring the smallest keys to the front (Hoare's quickselect)."""
    low, high = 0, length - 1
    while low < high:
        pivot = key[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while key[left] < pivot:
                left += 1
            while key[right] > pivot:
                right -= 1
            if left <= right:
                key[left], key[right] = key[right], key[left]
                left, right = left + 1, right - 1
        if right < count - 1 < left:
            return
        low, high = (low, right) if count - 1 <= right else (left, high)
