"""Loops over neighborhoods, compiled by Numba when first called and cached next to the code.

A kernel takes its arrays and the range of rows to work on, writes into arrays that it is given and
releases the interpreter's lock, so that threads can share the rows.  No row sees another, so that
the number of threads changes no bit.
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
"""Rows that are worth a thread."""


def compiled(kernel: Kernel) -> Kernel:
    """Return a kernel compiled for each combination of its arguments' types.

    Where nothing can be written next to the code or in the user's cache, every process compiles.
    """
    try:
        made = numba.njit(nogil=True, cache=True, error_model="numpy")(kernel)
    except RuntimeError:  # no place for the cache
        made = numba.njit(nogil=True, error_model="numpy")(kernel)
    return cast("Kernel", made)


def over_rows(kernel: Callable[..., None], count: int, workers: int, *arguments: Any) -> None:
    """Call ``kernel(*arguments, first, last)`` on ranges that make up all rows.

    Args:
        kernel: Compiled.
        count: Rows.
        workers: Threads.
        arguments: What the kernel reads and writes.
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
    """Return threads that stay alive: to start them takes as long as a small loop."""
    return ThreadPoolExecutor(threads)


os.register_at_fork(after_in_child=_pool.cache_clear)  # threads stay with the parent
