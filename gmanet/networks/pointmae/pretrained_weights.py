"""Encoders from the files that the authors of Point-MAE and Point-BERT published.

Such a file is a dictionary whose ``base_model`` holds the weights.  The keys of the encoder begin
with ``MAE_encoder.`` (Point-MAE) or ``transformer_q.`` (Point-BERT), in some files after
``module.``.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gmanet.errors import InputError
from gmanet.networks.pointmae.encoder import PointEncoder

__all__ = ["load_official"]

PREFIX = {"pointmae": "MAE_encoder.", "pointbert": "transformer_q."}

SPLIT = "encoder.second_conv.0.weight"
"""Key of the official layer that reads a patch's maximum, then a point's own channels; here these
are two layers."""

WHOLE = "encoder.whole.weight"
"""Key of the layer here that reads a patch's maximum."""


def load_official(
    path: Path | str, kind: str = "pointmae", *, width: int = 384, depth: int = 12, heads: int = 6
) -> PointEncoder:
    """Return the encoder of an official file, in eval mode; no code in the file is executed.

    Args:
        path: A file such as ``pretrain.pth`` or ``Point-BERT.pth``.
        kind: ``pointmae`` or ``pointbert``.
        width: Number of channels of a token.
        depth: Number of transformer blocks.
        heads: Number of attention heads, which the file does not contain.

    Raises:
        InputError: There is no such file, it has another layout, lacks a key, or holds a tensor of
            another shape.
    """
    encoder = PointEncoder(kind, width, depth=depth, heads=heads)
    found = _weights(Path(path), PREFIX[kind])
    state = {}
    for key, own in encoder.state_dict().items():
        if key == WHOLE:
            continue
        name = key.replace("blocks.", "blocks.blocks.", 1) if key.startswith("blocks.") else key
        shape = tuple(own.shape)
        if key == SPLIT:
            shape = (shape[0], 2 * shape[1])
        state[key] = _tensor(found, Path(path), prefix=PREFIX[kind], name=name, shape=shape)
    half = state[SPLIT].shape[1] // 2
    state[WHOLE], state[SPLIT] = state[SPLIT][:, :half], state[SPLIT][:, half:]
    encoder.load_state_dict(state)
    return encoder.eval()


def _weights(path: Path, prefix: str) -> dict[str, Any]:
    """Return the tensors whose keys begin with a prefix, by their names without the prefix."""
    if not path.is_file():
        raise InputError(
            f"{path}: no such file, wanted detector.weights=FILE with official weights"
        )
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(f"{path}: cannot be read as PyTorch weights ({reason})") from None
    base = stored.get("base_model") if isinstance(stored, Mapping) else None
    if not isinstance(base, Mapping):
        raise InputError(f"{path}: no dictionary 'base_model', wanted the official layout")
    plain = {str(key).removeprefix("module."): value for key, value in base.items()}
    found = {key.removeprefix(prefix): v for key, v in plain.items() if key.startswith(prefix)}
    if not found:
        raise InputError(f"{path}: no key of 'base_model' begins with {prefix!r}, wanted such keys")
    return found


def _tensor(
    found: Mapping[str, Any], path: Path, *, prefix: str, name: str, shape: tuple[int, ...]
) -> Tensor:
    """Return a tensor of the given shape; convolutions of size 1 become matrices."""
    value = found.get(name)
    if not isinstance(value, Tensor):
        raise InputError(f"{path}: no tensor {prefix}{name}, wanted one of shape {shape}")
    matrix = value.squeeze(-1) if value.ndim == len(shape) + 1 else value
    if tuple(matrix.shape) != shape:
        raise InputError(
            f"{path}: {prefix}{name} has shape {tuple(value.shape)}, wanted {shape} "
            "(width, depth and heads are 384, 12 and 6 officially)"
        )
    return matrix
