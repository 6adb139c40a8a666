"""Atomic writes: a writer fills a temporary file, which is then renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gmanet.errors import OutputError

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path``, with its extension, renamed to ``path`` at the end.

    The folder is made if it is missing.  After an error nothing is left behind and an older file
    at ``path`` is untouched.  The disk has the whole file before it takes the name.

    Args:
        path: The file to be written or replaced.

    Raises:
        OutputError: The file system refuses.
    """
    # Random, not the process id: processes of several machines may share a folder.
    draft = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        _flush(draft)
        draft.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with suppress(OSError):
            draft.unlink()


def _flush(path: Path) -> None:
    """Wait until the disk has a file; one that is full may say so only now."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
