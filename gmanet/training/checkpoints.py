"""Checkpoints that are never written in part, with the previous one as a backup."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from gmanet.errors import note
from gmanet.runtime.tensors import write_tensors

__all__ = ["PREVIOUS", "WholeCheckpoints", "usable"]

PREVIOUS = "previous.ckpt"
"""File name of the previous checkpoint."""


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's file access for checkpoints; the previous one is kept as ``previous.ckpt``."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint completely or not at all.

        Raises:
            InputError: The file cannot be written.
        """
        last = Path(path)
        draft = last.with_name(f".{last.name}.new")
        try:
            write_tensors(draft, checkpoint)
            with suppress(FileNotFoundError):
                last.replace(last.with_name(PREVIOUS))
            draft.replace(last)
        finally:
            with suppress(OSError):
                draft.unlink()


def usable(paths: Sequence[Path], say: bool = True) -> Path | None:
    """Return the first checkpoint that can be read, or None to begin anew.

    Args:
        paths: Checkpoints, the newest first.
        say: Whether to print a note on damaged checkpoints.
    """
    for place, path in enumerate(paths):
        if _readable(path):
            return path
        if say:
            left = place + 1 < len(paths)
            then = f"{paths[place + 1].name} is tried" if left else "the fit begins anew"
            note(f"{path}: is damaged; {then}")
    return None


def _readable(path: Path) -> bool:
    try:
        whole = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # torch, pickle and zipfile raise a dozen kinds
        return False
    return isinstance(whole, dict) and {"state_dict", "global_step"} <= set(whole)
