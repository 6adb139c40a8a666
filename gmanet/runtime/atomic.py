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
    """Yield a temporary path next to ``path``; its file is renamed to ``path`` at the end.

    The folder is made if it is missing.  After an error the temporary file is removed and an older
    file at ``path`` is unchanged.  The whole file is flushed to the disk before it is renamed.

    Args:
        path: The file to be written or replaced.

    Raises:
        OutputError: The file cannot be written.
    """
    # A random name, because process ids of several machines that share a folder may coincide.
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
    """Flush a file to the disk; the error of a full disk may occur only here."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
