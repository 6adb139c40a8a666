"""Loops over neighborhoods, compiled by Numba when first called and cached next to the code.

A kernel takes input arrays, output arrays and a range of rows, and releases the interpreter's lock,
so that threads can share the rows.  Rows are independent, so that the number of threads does not
change the result.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled", "over_rows"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

FEWEST = 512
"""Least number of rows per thread."""


def compiled(kernel: Kernel) -> Kernel:
    """Return a kernel compiled for each combination of its arguments' types.

    If neither the folder of the code nor the user's cache is writable, every process compiles.
    """
    try:
        made = numba.njit(nogil=True, cache=True, error_model="numpy")(kernel)
    except RuntimeError:  # no writable folder for the cache
        made = numba.njit(nogil=True, error_model="numpy")(kernel)
    return cast("Kernel", made)


def over_rows(kernel: Callable[..., None], count: int, workers: int, *arguments: Any) -> None:
    """Call ``kernel(*arguments, first, last)`` on ranges that cover all rows, in threads.

    Args:
        kernel: Compiled function.
        count: Number of rows.
        workers: Largest number of threads.
        arguments: Input and output arrays of the kernel.
    """
    threads = max(1, min(workers, count // FEWEST))
    if threads == 1:
        kernel(*arguments, 0, count)
        return
    bounds = [count * part // (4 * threads) for part in range(4 * threads + 1)]
    tasks = [_pool(threads).submit(kernel, *arguments, *part) for part in pairwise(bounds)]
    for task in tasks:
        task.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Return a pool that stays alive, since starting threads takes as long as a small loop."""
    return ThreadPoolExecutor(threads)


os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has no threads
