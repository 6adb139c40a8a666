"""Atomic writes of files with tensors (``torch.save``)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from gmanet.runtime.atomic import replacing

__all__ = ["write_tensors"]


def write_tensors(path: Path, value: Any) -> None:
    """Write a value that contains tensors; after an error, an older file is unchanged.

    The file is composed in memory first, because on a full disk the error of ``torch.save`` does
    not name the reason.

    Args:
        path: The file to be written or replaced.
        value: Any value that ``torch.save`` accepts.

    Raises:
        OutputError: The file cannot be written.
    """
    whole = io.BytesIO()
    torch.save(value, whole)
    with replacing(path) as draft:
        draft.write_bytes(whole.getbuffer())
