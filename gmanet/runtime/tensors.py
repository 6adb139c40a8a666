"""Files of tensors, written whole by ``torch.save``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from gmanet.runtime.atomic import replacing

__all__ = ["write_tensors"]


def write_tensors(path: Path, value: Any) -> None:
    """Write a value that holds tensors, or leave an older file as it is.

    It goes through memory: on a full disk torch's own writer fails without saying why.

    Args:
        path: The file to be written or replaced.
        value: Whatever ``torch.save`` takes.

    Raises:
        InputError: The file system refuses.
    """
    whole = io.BytesIO()
    torch.save(value, whole)
    with replacing(path) as draft:
        draft.write_bytes(whole.getbuffer())
