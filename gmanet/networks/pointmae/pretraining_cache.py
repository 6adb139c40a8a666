"""A cache of pre-trained encoders, in the folder of the environment variable ``GMANET_CACHE``.

The key of an encoder is a hash of its initial weights, the clouds, the number of steps and the
state of the random generator.
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
    """Pre-train an encoder in place, or load the result from the cache.

    Args:
        encoder: The encoder.
        clouds: Patches and centers of each cloud, as for ``pretraining.pretrain``.
        steps: Number of optimizer steps.
        rng: Random generator.
    """
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
    """Return the weights in a file, checked before any of them is loaded.

    Raises:
        ValueError: The weights do not fit the encoder, or are not finite.
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
    """Yield everything that the pre-trained weights depend on."""
    yield repr((steps, rng.bit_generator.state, list(encoder.state_dict())))
    for part in (*encoder.state_dict().values(), *(part for cloud in clouds for part in cloud)):
        yield part.cpu().numpy()
