"""Pre-trained encoders that are looked up instead of trained again: ``GMANET_CACHE=FOLDER``.

What decides them: the first weights, the clouds, the steps and the random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gmanet.networks.pointmae.encoder import PointEncoder
from gmanet.networks.pointmae.pretraining import pretrain
from gmanet.runtime.cache import kept, store
from gmanet.runtime.tensors import write_tensors

__all__ = ["pretrained"]


def pretrained(
    encoder: PointEncoder,
    clouds: Sequence[tuple[Tensor, Tensor]],
    *,
    steps: int,
    rng: np.random.Generator,
) -> None:
    """Give an encoder the weights of ``pretraining.pretrain``, from a file where it is stored."""
    path = kept("encoder", ".pt", parts=_decisive(encoder, clouds, steps=steps, rng=rng))
    if path is None:
        pretrain(encoder, clouds, steps=steps, rng=rng)
        return
    try:
        encoder.load_state_dict(_stored(path, encoder))
    except Exception:  # missing, or whatever torch, pickle and zipfile raise of a damaged file
        pretrain(encoder, clouds, steps=steps, rng=rng)
        store(partial(write_tensors, path, encoder.state_dict()))
    encoder.requires_grad_(False).eval()


def _stored(path: Path, encoder: PointEncoder) -> dict[str, Tensor]:
    """Return the weights in a file; one that fits in part would be loaded in part.

    Raises:
        ValueError: They are not those of such an encoder.
    """
    stored = torch.load(path, map_location="cpu", weights_only=True)
    wanted = {name: part.shape for name, part in encoder.state_dict().items()}
    if {name: part.shape for name, part in stored.items()} != wanted:
        raise ValueError(f"{path}: holds other weights")
    if not all(bool(part.isfinite().all()) for part in stored.values()):
        raise ValueError(f"{path}: holds weights that are no numbers")
    return dict(stored)


def _decisive(
    encoder: PointEncoder,
    clouds: Sequence[tuple[Tensor, Tensor]],
    *,
    steps: int,
    rng: np.random.Generator,
) -> Iterator[npt.ArrayLike]:
    """Yield all that decides the weights."""
    yield repr((steps, rng.bit_generator.state, list(encoder.state_dict())))
    for part in (*encoder.state_dict().values(), *(part for cloud in clouds for part in cloud)):
        yield part.cpu().numpy()
