"""Pre-trained encoders that are looked up instead of trained again: ``GMANET_CACHE=FOLDER``.

Weights are kept under a digest of all that decides them: the first weights, the clouds, the steps
and the random numbers.  A damaged file is made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gmanet.data.files.atomic import replacing
from gmanet.models.pointmae import PointEncoder
from gmanet.models.pretraining import pretrain
from gmanet.preprocess.remembered import FOLDER

__all__ = ["pretrained"]


def pretrained(
    encoder: PointEncoder,
    clouds: Sequence[tuple[Tensor, Tensor]],
    steps: int,
    rng: np.random.Generator,
) -> None:
    """Give an encoder what :func:`gmanet.models.pretraining.pretrain` does, perhaps from a file."""
    folder = os.environ.get(FOLDER)
    if not folder:
        pretrain(encoder, clouds, steps, rng)
        return
    path = Path(folder) / "encoder" / f"{_digest(encoder, clouds, steps, rng)}.pt"
    try:
        encoder.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception:  # missing, or whatever torch, pickle and zipfile raise of a damaged file
        pretrain(encoder, clouds, steps, rng)
        with replacing(path) as draft:
            torch.save(encoder.state_dict(), draft)
    encoder.requires_grad_(False).eval()


def _digest(
    encoder: PointEncoder,
    clouds: Sequence[tuple[Tensor, Tensor]],
    steps: int,
    rng: np.random.Generator,
) -> str:
    found = hashlib.sha256(repr((steps, rng.bit_generator.state)).encode())
    for name, value in encoder.state_dict().items():
        found.update(name.encode())
        found.update(value.cpu().numpy().tobytes())
    for part in (part for cloud in clouds for part in cloud):
        found.update(part.cpu().numpy().tobytes())
    return found.hexdigest()[:32]
