"""Resources that this process may use: cores, memory and shared memory.

A container or a scheduler often grants less than the machine has.  Code that starts processes or
threads determines their number with these functions.
"""

from __future__ import annotations

import multiprocessing
import os
from contextlib import suppress
from math import ceil
from pathlib import Path

__all__ = ["available_cores", "available_memory", "processes_at_most"]

GROUPS = Path("/sys/fs/cgroup")
"""Folder in which Linux lists the limits of a container."""

MEMINFO = Path("/proc/meminfo")
"""File in which Linux lists the memory of the machine."""

WORKER = 400 * 2**20
"""Approximate memory of a worker process, in bytes."""


def available_cores() -> int:
    """Return the number of cores that this process is granted, at least 1."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min([cores, *_quotas()]))


def available_memory() -> int | None:
    """Return the memory that this process can still allocate, in bytes; None if it is unknown."""
    found = []
    with suppress(OSError, ValueError, IndexError):
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        free = next((line for line in lines if line.startswith("MemAvailable:")), "")
        found.append(1024 * int(free.split()[1]))
    for most, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError):
            found.append(int((GROUPS / most).read_text()) - int((GROUPS / used).read_text()))
    return max(0, min(found)) if found else None


def processes_at_most() -> int:
    """Return the largest number of worker processes for the granted cores and memory.

    The number is 0 if processes cannot share locks, so that no worker can be started.
    """
    if not _locks_work():
        return 0
    memory = available_memory()
    return max(1, available_cores() if memory is None else min(available_cores(), memory // WORKER))


def _quotas() -> list[int]:
    """Return the limits of cores in control groups, versions 1 and 2; empty if there are none."""
    found = []
    with suppress(OSError, ValueError):
        quota, period = (GROUPS / "cpu.max").read_text().split()
        found.append(ceil(int(quota) / int(period)))  # "max" is no number: no limit
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota = (GROUPS / "cpu/cpu.cfs_quota_us").read_text()
        period = (GROUPS / "cpu/cpu.cfs_period_us").read_text()
        found += [ceil(int(quota) / int(period))] if int(quota) > 0 else []
    return found


def _locks_work() -> bool:
    """Return whether processes can share a lock; Linux needs a writable ``/dev/shm``."""
    try:
        multiprocessing.Lock()
    except (OSError, ImportError):
        return False
    return True
