"""Errors for lack of memory, with advice on settings instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gmanet.errors import InputError

__all__ = ["advice"]


@contextmanager
def advice(workers: int) -> Iterator[None]:
    """Replace an error for lack of memory by advice on settings that need less.

    Args:
        workers: Number of data workers of the run.

    Raises:
        InputError: The block ran out of memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        sentence = _sentence(error, workers)
        if sentence is None:
            raise
        raise InputError(sentence) from None


def _sentence(error: Exception, workers: int) -> str | None:
    """Return advice on an error, or None if it is no lack of memory."""
    text = " ".join(str(error).split())
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return (
            f"the GPU's memory is short ({text[:120]}); wanted a larger train.accumulate while "
            "fitting, train.precision=bf16-mixed, or fewer detector.points"
        )
    if "DataLoader worker" in text and ("killed" in text or "exited" in text):
        return (
            f"a data worker was killed, as happens when memory is short; wanted fewer than "
            f"{workers} workers, such as train.workers={workers // 2}"
        )
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return (
            f"memory is short ({text[:120] or 'no details'}); wanted fewer train.workers than "
            f"{workers}, a larger train.accumulate, or fewer detector.points"
        )
    return None
