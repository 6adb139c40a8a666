"""A scheduler's wish that this process stops, heard from before the heavy imports.

A scheduler signals minutes before it kills.  The default action of that signal ends a process on
the spot, and importing torch alone may take a minute on a shared file system; so a command calls
:func:`listen` first and imports afterwards.  Where nothing is lost, the process stops at once;
where something would be, as in the middle of training, the wish waits for :func:`check`.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

__all__ = ["AGAIN", "Preempted", "asked", "check", "defer", "listen"]

AGAIN = 75
"""Exit code after SIGUSR1: started again, the command goes on (``EX_TEMPFAIL`` of sysexits.h)."""

SIGNALS = (signal.SIGUSR1, signal.SIGTERM)
"""The first is a scheduler's warning, the second somebody's ``kill``: it is not to start again."""


class Preempted(SystemExit):
    """This process was asked to stop; ``code`` is :data:`AGAIN`, or 143 after SIGTERM."""


class _Wish:
    """What was asked of the process that listens."""

    process = 0
    code = 0
    deferred = False
    obeyed = False


def listen() -> None:
    """Hear the signals from now on, and forget earlier ones.

    Only the main thread may call it.  Workers that are forked later ignore the signals: their
    parent ends them.
    """
    _Wish.process, _Wish.code = os.getpid(), 0
    _Wish.deferred = _Wish.obeyed = False
    _install()


def defer() -> None:
    """Let signals wait for :func:`check`, if this process listens at all.

    Handlers that somebody else has put in place are replaced again.
    """
    if _Wish.process == os.getpid():
        _Wish.deferred = True
        _install()


def asked() -> bool:
    """Return whether this process was asked to stop."""
    return _Wish.code != 0


def check(all_were_asked: bool = False) -> None:
    """Stop if it was asked for, by :class:`Preempted`, or let signals wait no longer.

    Args:
        all_were_asked: Another process of the same run was asked, and all agreed to stop.
    """
    if asked() or all_were_asked:
        _Wish.obeyed = True  # further signals would disturb the leaving
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
