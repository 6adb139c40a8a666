"""What a run leaves behind besides predictions: ``scores.json`` and ``detector.ckpt``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gmanet import __version__
from gmanet.errors import InputError
from gmanet.runtime.atomic import replacing

__all__ = [
    "FORMAT",
    "load_checkpoint",
    "load_detector",
    "read_scores",
    "save_detector",
    "write_scores",
]

FORMAT = 1
"""Of ``detector.ckpt``; a file of another format is refused."""


def write_scores(path: Path, scores: Mapping[str, Any]) -> None:
    """Write scores as sorted JSON; what is not finite becomes null."""
    text = json.dumps(_plain(scores), indent=2, sort_keys=True, allow_nan=False)
    with replacing(path) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def read_scores(path: Path) -> dict[str, Any]:
    """Return what :func:`write_scores` wrote.

    Raises:
        InputError: There is no such file, or it is damaged.
    """
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, "scores of a finished run") from None
    if not isinstance(scores, dict):
        raise InputError(f"{path}: holds a {type(scores).__name__}, wanted named scores")
    return scores


def save_detector(
    path: Path,
    name: str,
    config: Mapping[str, Any],
    state: Mapping[str, Any],
    train: Iterable[str] = (),
) -> None:
    """Write a detector so that it loads without running code of the file's.

    Args:
        path: ``detector.ckpt`` of a run.
        name: Row of ``gmanet.detectors.DETECTORS``.
        config: The detector's settings as plain values.
        state: Its ``state_dict``.
        train: Fingerprints of the clouds it was fitted on.
    """
    from gmanet.runtime.tensors import write_tensors

    whole = {"format": FORMAT, "gmanet": __version__, "detector": name}
    write_tensors(
        path, {**whole, "config": dict(config), "state": dict(state), "train": sorted(train)}
    )


def load_detector(path: Path) -> dict[str, Any]:
    """Return ``format``, ``gmanet``, ``detector``, ``config`` and ``state``, tensors on the CPU.

    ``train`` holds the fingerprints of the clouds it was fitted on; older files lack it.

    Raises:
        InputError: There is no such file, it is damaged, or of another format.
    """
    import torch

    try:
        whole = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, pickle and zipfile raise a dozen kinds
        raise _unreadable(path, error, "the detector of a finished run") from None
    if not isinstance(whole, dict) or not {"detector", "config", "state"} <= set(whole):
        raise InputError(f"{path}: is no detector, wanted a file that python -m gmanet.fit wrote")
    if whole.get("format") != FORMAT:
        raise InputError(
            f"{path}: written by gmanet {whole.get('gmanet')} in format {whole.get('format')}, "
            f"wanted format {FORMAT}"
        )
    return whole


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the ``state_dict`` in a checkpoint of an interrupted run, tensors on the CPU.

    Raises:
        InputError: It is missing or damaged.
    """
    import torch

    wanted = "a checkpoint of this run; without the file, or with --overwrite, it starts anew"
    try:
        whole = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # as above
        raise _unreadable(path, error, wanted) from None
    if not isinstance(whole, dict) or not isinstance(whole.get("state_dict"), dict):
        raise InputError(f"{path}: holds no weights, wanted {wanted}")
    state: dict[str, Any] = whole["state_dict"]
    return state


def _unreadable(path: Path, error: Exception, wanted: str) -> InputError:
    """Return the sentence on a file that is missing or damaged."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file, wanted {wanted}")
    reason = str(error).partition("\n")[0][:120]
    return InputError(f"{path}: cannot be read ({reason}), wanted {wanted}")


def _plain(value: Any) -> Any:
    """Return the value as JSON knows it, with None for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
