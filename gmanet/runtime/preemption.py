"""Preemption: a scheduler's signal that this process has to stop.

A scheduler sends SIGUSR1 minutes before it kills a process.  The signal's default action ends the
process at once, and importing torch may take a minute on a shared file system.  A command therefore
calls :func:`listen` before its slow imports.  A signal stops the process at once, except after
:func:`defer`, for example during training: then the process stops at the next :func:`check`.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

__all__ = ["AGAIN", "Preempted", "asked", "check", "defer", "listen"]

AGAIN = 75
"""Exit code after SIGUSR1 (``EX_TEMPFAIL`` of sysexits.h): a restarted command resumes."""

SIGNALS = (signal.SIGUSR1, signal.SIGTERM)
"""A scheduler's warning, and the signal of ``kill``, after which a command is not restarted."""


class Preempted(SystemExit):
    """Exit of a process that got a signal; ``code`` is :data:`AGAIN`, or 143 after SIGTERM."""


class _Wish:
    """State of the process that handles the signals."""

    process = 0
    code = 0
    deferred = False
    obeyed = False


def listen() -> None:
    """Install the signal handlers, and clear the record of earlier signals.

    Only the main thread may call this function.  Workers that are forked later ignore the signals,
    because their parent ends them.
    """
    _Wish.process, _Wish.code = os.getpid(), 0
    _Wish.deferred = _Wish.obeyed = False
    _install()


def defer() -> None:
    """Defer the effect of signals to :func:`check`, if this process has called :func:`listen`.

    The handlers are installed again, in case a library has replaced them.
    """
    if _Wish.process == os.getpid():
        _Wish.deferred = True
        _install()


def asked() -> bool:
    """Return whether this process has received a signal to stop."""
    return _Wish.code != 0


def check(all_were_asked: bool = False) -> None:
    """Raise :class:`Preempted` after a signal; otherwise let signals act at once again.

    Args:
        all_were_asked: Whether another process of the same run has received a signal, so that all
            processes stop together.

    Raises:
        Preempted: This process, or another one of the run, has received a signal.
    """
    if asked() or all_were_asked:
        _Wish.obeyed = True  # further signals would disturb the exit
        raise Preempted(_Wish.code or AGAIN)
    _Wish.deferred = False


def _install() -> None:
    for number in SIGNALS:
        signal.signal(number, _hear)


def _hear(number: int, frame: FrameType | None) -> None:
    if os.getpid() != _Wish.process or _Wish.obeyed:
        return
    _Wish.code = AGAIN if number == signal.SIGUSR1 else 128 + number
    if not _Wish.deferred:
        check()
