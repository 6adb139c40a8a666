"""Processes that end when their parent process ends."""

from __future__ import annotations

import os
import signal
import threading
import time

__all__ = ["PARENT", "end_with", "end_with_parent"]

PARENT = "GMANET_PARENT"
"""Environment variable with the process id of the command that started this one."""

LOOK = 0.5
"""Interval between two checks of the parent, in seconds."""


def end_with(parent: int) -> None:
    """Start a thread that kills this worker process when its parent has ended.

    Args:
        parent: Process id of the parent.
    """
    _watch(parent, signal.SIGKILL)


def end_with_parent() -> None:
    """Start a thread that sends SIGTERM to this process when the command that started it has ended.

    The thread is started only if ``GMANET_PARENT`` holds the process id of the parent.
    """
    parent = os.environ.pop(PARENT, "")
    if parent.isdecimal() and os.getppid() == int(parent):
        _watch(int(parent), signal.SIGTERM)


def _watch(parent: int, number: int) -> None:
    threading.Thread(target=_wait, args=(parent, number), daemon=True).start()


def _wait(parent: int, number: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK)
    os.kill(os.getpid(), number)
