"""Peak memory of a piece of work, above what the process held before it.

Linux keeps the highest resident set of a process and lets it start anew
(``/proc/self/clear_refs``), so that no short peak is missed.  Elsewhere the highest since the
process began is all there is, which is why every measurement has a process of its own.
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
    """Measure ``with PeakMemory(device) as peak: ...``.

    Attributes:
        host: By how many MiB the resident set grew at most.
        device: Most MiB of CUDA memory that tensors held, the model's included; 0 on the processor.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.on_cuda = torch.device(device).type == "cuda"
        self.host = self.device = 0.0

    def __enter__(self) -> PeakMemory:
        gc.collect()
        with suppress(OSError, AttributeError):  # freed blocks that glibc keeps would hide growth
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
    """Return the highest resident set in MiB: of this process or of an ended child, if higher.

    Data workers are children.  The system tells the highest of all children that have ended, not
    their sum, so that this is the peak of the largest process.
    """
    return max(_highest(resource.RUSAGE_SELF), _highest(resource.RUSAGE_CHILDREN)) / MIB


def _highest(who: int) -> int:
    """Return the highest resident set in bytes; macOS counts bytes, other systems KiB."""
    peak = resource.getrusage(who).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
