"""PointNet++ weights from files in the layout of ``pointnet2_sem_seg`` (single-scale grouping).

Such a file is a state dict, perhaps under ``model_state_dict``: ``sa1`` to ``sa4`` and ``fp4`` to
``fp1``, each with ``mlp_convs`` (convolutions of size 1, with bias) and ``mlp_bns``.  A bias before
a batch normalization moves its mean.  The files read further channels (color, place in a room)
beside the coordinates; these are taken as zero.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gmanet.errors import InputError
from gmanet.networks.pointnet2.network import FeaturePropagation, PointNet2, SetAbstraction

__all__ = ["load_backbone"]


def load_backbone(network: PointNet2, path: Path | str) -> None:
    """Load weights and statistics in place; nothing in the file is executed.

    Args:
        network: Of layout ``SSG``, with the coordinates as its input channels.
        path: The file.

    Raises:
        InputError: No such file, another layout, a missing key or a tensor of another shape.
    """
    path = Path(path)
    state = _state(path)
    for number, part in enumerate(network.abstractions, start=1):
        assert isinstance(part, SetAbstraction)
        mlp = part.convolutions[0].local_nn
        assert isinstance(mlp, nn.Sequential)
        _load(mlp, state, path, f"sa{number}")
    for number, part in enumerate(network.propagations):
        assert isinstance(part, FeaturePropagation)
        _load(part.mlp, state, path, f"fp{len(network.propagations) - number}")


def _load(mlp: nn.Sequential, state: Mapping[str, Any], path: Path, name: str) -> None:
    """Load one shared MLP."""
    linears = [layer for layer in mlp if isinstance(layer, nn.Linear)]
    norms = [layer for layer in mlp if isinstance(layer, nn.BatchNorm1d)]
    for number, (linear, norm) in enumerate(zip(linears, norms, strict=True)):
        convolution, batch = f"{name}.mlp_convs.{number}", f"{name}.mlp_bns.{number}"
        weight = _tensor(state, path, f"{convolution}.weight").flatten(1)
        if number == 0:
            weight = _columns(weight, linear.in_features, name)
        bias = _tensor(state, path, f"{convolution}.bias")
        found = {
            "weight": _tensor(state, path, f"{batch}.weight"),
            "bias": _tensor(state, path, f"{batch}.bias"),
            "running_mean": _tensor(state, path, f"{batch}.running_mean") - bias,
            "running_var": _tensor(state, path, f"{batch}.running_var"),
            "num_batches_tracked": torch.tensor(0),
        }
        if weight.shape != linear.weight.shape:
            raise InputError(
                f"{path}: {convolution}.weight reads and gives {tuple(weight.shape[::-1])} "
                f"channels, wanted {(linear.in_features, linear.out_features)}"
            )
        linear.load_state_dict({"weight": weight})
        norm.load_state_dict(found)


def _columns(weight: Tensor, channels: int, name: str) -> Tensor:
    """Return the columns of a first layer in our order: features, then relative coordinates."""
    if name == "sa1":
        return torch.cat([weight[:, 3:6], weight[:, :3]], dim=1)
    if name.startswith("sa"):
        return torch.cat([weight[:, 3:], weight[:, :3]], dim=1)
    missing = channels - weight.shape[1] if name == "fp1" else 0  # it has no skip connection there
    return nn.functional.pad(weight, (max(missing, 0), 0))


def _state(path: Path) -> Mapping[str, Any]:
    """Return name -> tensor of a file."""
    if not path.is_file():
        raise InputError(f"{path}: no such file, wanted detector.weights=FILE")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(f"{path}: cannot be read as PyTorch weights ({reason})") from None
    state = stored.get("model_state_dict", stored) if isinstance(stored, Mapping) else None
    if not isinstance(state, Mapping):
        raise InputError(f"{path}: no state dict, wanted the layout of pointnet2_sem_seg")
    return {str(key).removeprefix("module."): value for key, value in state.items()}


def _tensor(state: Mapping[str, Any], path: Path, key: str) -> Tensor:
    value = state.get(key)
    if not isinstance(value, Tensor):
        raise InputError(f"{path}: no tensor {key}, wanted the layout of pointnet2_sem_seg")
    return value
