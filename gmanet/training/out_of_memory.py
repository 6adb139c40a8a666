"""What to change when memory is short, instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gmanet.errors import InputError

__all__ = ["advice"]


@contextmanager
def advice(workers: int) -> Iterator[None]:
    """Turn an error for want of memory into a sentence on the settings that save some.

    Args:
        workers: Data workers of the run.

    Raises:
        InputError: Memory was short within the block.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        sentence = _sentence(error, workers)
        if sentence is None:
            raise
        raise InputError(sentence) from None


def _sentence(error: Exception, workers: int) -> str | None:
    """Return what to do about an error, or None if it is of another kind."""
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
