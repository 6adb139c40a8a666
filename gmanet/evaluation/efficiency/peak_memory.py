"""Peak memory of a block of code, above the memory of the process before the block.

Linux records the largest resident set of a process and can reset the record
(``/proc/self/clear_refs``), so that short peaks are not missed.  Other systems know the largest
resident set since the start of the process only; therefore every measurement has its own process.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import torch

__all__ = ["PeakMemory", "peak_resident"]

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
MIB = 2**20


class PeakMemory:
    """Peak memory of a block: ``with PeakMemory(device) as peak: ...``.

    Attributes:
        host: Largest growth of the resident set, in MiB.
        device: Largest CUDA memory of all tensors, including the model, in MiB; 0 on the CPU.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.on_cuda = torch.device(device).type == "cuda"
        self.host = self.device = 0.0

    def __enter__(self) -> PeakMemory:
        gc.collect()
        with suppress(OSError, AttributeError):  # glibc's freed blocks hide growth
            ctypes.CDLL(None).malloc_trim(0)
        with suppress(OSError):
            CLEAR.write_text("5", encoding="ascii")
        if self.on_cuda:
            torch.cuda.reset_peak_memory_stats()
        self.before = _resident("VmRSS")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.host = (_resident("VmHWM") - self.before) / MIB
        if self.on_cuda:
            self.device = torch.cuda.max_memory_allocated() / MIB


def _resident(field: str) -> int:
    """Return the resident set (``VmRSS``) or its peak (``VmHWM``) in bytes."""
    with suppress(OSError):
        for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return _highest(resource.RUSAGE_SELF)


def peak_resident() -> float:
    """Return the largest resident set, in MiB, of this process and its ended children.

    Data workers are children.  The result is the peak of the largest process: the system does not
    record the sum over processes.
    """
    return max(_highest(resource.RUSAGE_SELF), _highest(resource.RUSAGE_CHILDREN)) / MIB


def _highest(who: int) -> int:
    """Return the largest resident set in bytes; the system reports bytes on macOS, else KiB."""
    peak = resource.getrusage(who).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
