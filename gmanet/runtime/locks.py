"""Locks of folders, for one process at a time, across machines that share the file system.

A lock is an advisory lock (``flock``, Linux and macOS) on a hidden file.  The kernel releases the
lock when its process ends in any way, so no stale lock remains.
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
"""Error numbers if another process has the lock; others mean that the file system has no locks."""


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Lock the folder of ``path`` against other processes within the block.

    On a file system without locks, other processes are not excluded.

    Args:
        path: File of the lock; the file and its folder are made if they are missing.

    Raises:
        InputError: Another process has the lock, or the file cannot be written.
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
        with suppress(OSError):  # on a full disk the lock is valid without a name
            os.ftruncate(file, 0)
            os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        _OPEN.add(file)
        yield
    finally:
        _OPEN.discard(file)
        with suppress(OSError):  # a forked child has already closed its descriptor
            os.close(file)


def holder(path: Path) -> str | None:
    """Return the process that has a lock, as ``process 123 on node7``; None if there is none.

    Args:
        path: File of the lock.
    """
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        return None if _lock(file) else _named(file)
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    """Lock an open file; return False if another process has the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in BUSY
    return True


def _named(file: int) -> str:
    os.lseek(file, 0, os.SEEK_SET)
    return os.read(file, 200).decode(errors="replace").strip() or "another process"


_OPEN: set[int] = set()
"""Descriptors of the files that this process has locked."""


def _close_all() -> None:
    """Close inherited descriptors in a forked child, so that it does not prolong the locks."""
    while _OPEN:
        with suppress(OSError):
            os.close(_OPEN.pop())


os.register_at_fork(after_in_child=_close_all)
