"""Partial sorting of keys: the smallest keys in order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmanet.geometry.jit import compiled

__all__ = ["Keys", "smallest_first"]

Keys = npt.NDArray[np.uint64]


@compiled
def smallest_first(key: Keys, length: int, count: int, ranked: Keys) -> None:
    """Move the smallest ``count`` of the first ``length`` keys to the front, in ascending order.

    Keys must be distinct.  ``ranked`` is a buffer for ``count`` keys.  The order of the remaining
    keys is arbitrary.
    """
    _select(key, length, count)
    for at in range(count):  # all comparisons without branches are faster than a sort
        one = key[at]
        rank = 0
        for other in range(count):
            rank += key[other] < one
        ranked[rank] = one
    key[:count] = ranked[:count]


@compiled
def _select(key: Keys, length: int, count: int) -> None:
    """Move the smallest ``count`` keys to the front in any order (Hoare's quickselect)."""
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
