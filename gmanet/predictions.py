"""Stored predictions: one ``.npz`` per cloud with ``score`` and, where it is known, ``label``.

Rows are in the order of the input file.  File names are percent-encoded, so that a cloud's name may
hold slashes and comes back as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from gmanet.cloud import Floats, Labels
from gmanet.data.files.atomic import replacing
from gmanet.errors import InputError

__all__ = ["read_predictions", "write_prediction"]


def write_prediction(folder: Path, name: str, score: Floats, label: Labels | None = None) -> Path:
    """Write one cloud's point scores whole and return the file.

    Args:
        folder: Where predictions lie; it is made if it is missing.
        name: The cloud's name.
        score: Higher is more abnormal, with shape ``(N,)``.
        label: True where a point is abnormal, with shape ``(N,)``; None where nobody knows.

    Raises:
        InputError: The file system refuses.
    """
    arrays: dict[str, Any] = {"score": np.asarray(score, np.float32)}
    if label is not None:
        arrays["label"] = np.asarray(label, np.bool_)
    stem = quote(name, safe="")
    if stem.startswith("."):  # kept for files that are being written
        stem = f"%2E{stem[1:]}"
    path = folder / f"{stem}.npz"
    with replacing(path) as draft, draft.open("wb") as file:
        np.savez(file, **arrays)
    return path


def read_predictions(folder: Path) -> Iterator[tuple[str, Floats, Labels | None]]:
    """Yield name, scores and labels of every cloud, in the order of their files' names.

    Raises:
        InputError: There are no predictions, or one is damaged.
    """
    files = [path for path in sorted(folder.glob("*.npz")) if not path.name.startswith(".")]
    if not files:
        raise InputError(f"{folder}: holds no predictions, wanted one .npz per cloud")
    for path in files:
        yield unquote(path.stem), *_arrays(path)


def _arrays(path: Path) -> tuple[Floats, Labels | None]:
    """Return scores and labels of one file."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in archive.files}
    except Exception as error:  # zipfile and NumPy raise a dozen kinds on damaged archives
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: is damaged ({reason}), wanted an array score") from None
    score, label = arrays.get("score"), arrays.get("label")
    if score is None or score.ndim != 1 or score.dtype.kind != "f":
        found = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items())
        raise InputError(f"{path}: holds {found or 'nothing'}, wanted float scores of shape (N,)")
    if label is not None and (label.shape != score.shape or label.dtype.kind != "b"):
        raise InputError(
            f"{path}: label is {label.dtype} {label.shape}, wanted bool {score.shape} as the scores"
        )
    return score.astype(np.float32, copy=False), label
