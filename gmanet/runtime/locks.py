"""Locks of folders: one process at a time, across machines that share the file system.

An advisory lock on a hidden file (``flock``, Linux and macOS).  The kernel drops it when its
process ends, however it ends, so that nothing is left to be cleaned up.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gmanet.errors import InputError

__all__ = ["hold", "holder"]

BUSY = (errno.EACCES, errno.EAGAIN)
"""Another process has the lock; any other error means that the file system has no locks."""


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Keep other processes out of the folder of ``path`` within the block.

    Without locks in the file system nobody is kept out.

    Args:
        path: The lock's file; it and its folder are made if they are missing.

    Raises:
        InputError: Another process works there, or the file system refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
    try:
        if not _lock(file):
            raise InputError(
                f"{path.parent}: {_named(file)} works in it; wait until it ends, or stop it"
            )
        with suppress(OSError):  # a full disk: the lock holds without a name
            os.ftruncate(file, 0)
            os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        _OPEN.add(file)
        yield
    finally:
        _OPEN.discard(file)
        with suppress(OSError):  # the descriptor of a forked child is closed already
            os.close(file)


def holder(path: Path) -> str | None:
    """Return who holds a lock, ``process 123 on node7``, or None where nobody does."""
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        return None if _lock(file) else _named(file)
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    """Take the lock of an open file; return whether no other process has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in BUSY
    return True


def _named(file: int) -> str:
    os.lseek(file, 0, os.SEEK_SET)
    return os.read(file, 200).decode(errors="replace").strip() or "another process"


_OPEN: set[int] = set()


def _close_all() -> None:
    """Let no data worker that outlives this process keep its locks."""
    while _OPEN:
        with suppress(OSError):
            os.close(_OPEN.pop())


os.register_at_fork(after_in_child=_close_all)
