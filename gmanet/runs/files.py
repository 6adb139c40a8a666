"""Reading and writing of ``scores.json``, and reading of checkpoints."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gmanet.detectors.stored import load_detector, stored_judge, unreadable
from gmanet.errors import InputError
from gmanet.runtime.atomic import replacing

if TYPE_CHECKING:
    from gmanet.verdict.judge import Judge

__all__ = ["load_checkpoint", "read_judge", "read_scores", "write_scores"]


def read_judge(path: Path) -> Judge | None:
    """Return the judge of a stored detector; None if there is no such file, or no judge in it.

    Raises:
        InputError: The file is damaged.
    """
    return stored_judge(load_detector(path)) if path.is_file() else None


def write_scores(path: Path, scores: Mapping[str, Any]) -> None:
    """Write scores as sorted JSON, with null for numbers that are not finite."""
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
        raise unreadable(path, error, wanted="scores of a finished run") from None
    if not isinstance(scores, dict):
        raise InputError(f"{path}: holds a {type(scores).__name__}, wanted named scores")
    return scores


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the ``state_dict`` in a checkpoint of an interrupted run, tensors on the CPU.

    Raises:
        InputError: The file is missing or damaged.
    """
    import torch

    wanted = "a checkpoint of this run; without the file, or with --overwrite, it starts anew"
    try:
        whole = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # as above
        raise unreadable(path, error, wanted=wanted) from None
    if not isinstance(whole, dict) or not isinstance(whole.get("state_dict"), dict):
        raise InputError(f"{path}: holds no weights, wanted {wanted}")
    state: dict[str, Any] = whole["state_dict"]
    return state


def _plain(value: Any) -> Any:
    """Return a value in the types of JSON, with None for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
