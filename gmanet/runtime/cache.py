"""Cache of computed results in a folder that the user names.

With ``GMANET_CACHE=FOLDER``, runs share results that depend only on their clouds.  A result is
stored under a hash of all its inputs, so that one folder serves any data and any number of
processes.  If a file is damaged, its result is computed again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.errors import InputError, note

__all__ = ["FOLDER", "cached", "kept", "store"]

FOLDER = "GMANET_CACHE"
"""Environment variable that names the cache's folder; without it nothing is cached."""


def kept(kind: str, ending: str, *, parts: Iterable[npt.ArrayLike]) -> Path | None:
    """Return the path of a result in the cache; None if no folder is named.

    Args:
        kind: Name of the result and version of its computation, such as ``registration-2``.
        ending: Extension of the file.
        parts: All inputs that determine the result, in a fixed order.
    """
    folder = os.environ.get(FOLDER)
    if not folder:
        return None
    found = hashlib.sha256()
    for part in parts:
        values = np.ascontiguousarray(part)
        found.update(f"{values.dtype}{values.shape}".encode())
        found.update(values.tobytes())
    return Path(folder) / kind / f"{found.hexdigest()[:32]}{ending}"


def cached(
    kind: str,
    parts: Iterable[npt.ArrayLike],
    *,
    length: int,
    make: Callable[[], npt.NDArray[Any]],
) -> npt.NDArray[Any]:
    """Return the result of ``make``, a vector, computed or read from the cache.

    Args:
        kind: As in :func:`kept`.
        parts: As in :func:`kept`.
        length: Length of the vector.
        make: Function that computes the vector.
    """
    path = kept(kind, ".npy", parts=parts)
    if path is None:
        return make()
    with suppress(Exception):  # missing, or damaged: NumPy and zipfile raise a dozen kinds
        values = np.load(path)
        if isinstance(values, np.ndarray) and values.shape == (length,) and _numeric(values):
            return values
    made = make()
    store(partial(_write, path, made))
    return made


def store(write: Callable[[], None]) -> None:
    """Write a result to the folder; if writing fails, print one note and continue.

    Args:
        write: Function that writes one whole file.
    """
    try:
        write()
    except (OSError, InputError) as error:
        if FOLDER not in _SILENT:
            _SILENT.add(FOLDER)
            note(f"{FOLDER}={os.environ.get(FOLDER)}: results are not stored ({error})")


_SILENT: set[str] = set()
"""Notes that were already printed."""


def _numeric(values: npt.NDArray[Any]) -> bool:
    """Return whether an array consists of finite numbers or booleans."""
    return values.dtype.kind in "biuf" and bool(np.isfinite(values).all())


def _write(path: Path, made: npt.NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{secrets.token_hex(4)}")  # process ids repeat on other machines
    try:
        with draft.open("wb") as file:
            np.save(file, made)
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink()
