"""The last results of a function, for steps that ask anew for the result on the same scan."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["Recent"]

Result = TypeVar("Result")


class Recent(Generic[Result]):
    """The last results of a process by their inputs.

    Args:
        count: Number of results that are remembered.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.results: dict[bytes, Result] = {}

    def __call__(self, parts: Iterable[npt.ArrayLike], make: Callable[[], Result]) -> Result:
        """Return the result of ``make``, computed or remembered; callers must not change it.

        Args:
            parts: All inputs that determine the result, in a fixed order.
            make: Function that computes the result.
        """
        found = hashlib.blake2b(digest_size=16)
        for part in parts:
            values = np.ascontiguousarray(part)
            found.update(f"{values.dtype}{values.shape}".encode())
            found.update(values.tobytes())
        key = found.digest()
        if key in self.results:
            return self.results[key]
        result = self.results[key] = make()
        while len(self.results) > self.count:
            self.results.pop(next(iter(self.results)), None)
        return result
