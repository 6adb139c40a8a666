"""A pretext task for PointNet++: the curvature of the surface at every point of normal clouds.

Targets are the logarithms of the surface variation [Pauly et al. 2002] over 24 and 96 neighbors,
standardized.  A linear layer predicts them from the features and is discarded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gmanet.geometry.curvature import surface_variation
from gmanet.geometry.search.grid import grid_nearest
from gmanet.networks.pointnet2.hierarchy import Hierarchy
from gmanet.networks.pointnet2.network import PointNet2

__all__ = ["learn_curvature"]

SIZES = (24, 96)
"""Numbers of neighbors over which the surface variation is computed."""

FLAT = 1e-4
"""Surface variation of a noisy plane, which is added before the logarithm."""

LEARNING_RATE = 3e-3
"""Peak learning rate of the one-cycle schedule."""


def learn_curvature(
    network: PointNet2,
    records: Sequence[Hierarchy],
    *,
    inputs: Sequence[Tensor],
    width: int,
    steps: int,
    seed: int,
) -> list[float]:
    """Train a network in place and return the loss of every step.

    Args:
        network: In eval mode afterwards, without gradients.
        records: Hierarchies of normal clouds, on the network's device.
        inputs: Input features of each cloud's points.
        width: Channels of the network's features.
        steps: Number of optimizer steps, one cloud each.
        seed: Seed of the linear layer.
    """
    targets = _targets(records)
    device = records[0].pos0.device
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(width, len(SIZES), generator=generator) / width**0.5
    head = nn.Parameter(weight.to(device))
    parameters = [*network.requires_grad_(True).parameters(), head]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    network.train()
    losses = []
    with torch.enable_grad():
        for step in range(steps):
            number = step % len(records)
            prediction = network(inputs[number], records[number]) @ head
            loss = mse_loss(prediction, targets[number])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    network.requires_grad_(False).eval()
    return losses


def _targets(records: Sequence[Hierarchy]) -> list[Tensor]:
    """Return the standardized targets of each cloud, with shape ``(N, 2)``."""
    values = []
    for record in records:
        pos = record.pos0.cpu().numpy()
        index = grid_nearest(pos, pos, count=SIZES[-1])[1]
        variation = [surface_variation(pos, index[:, :size]) for size in SIZES]
        values.append(np.log(np.stack(variation, axis=1) + np.float32(FLAT)))
    whole = np.concatenate(values)
    mean, deviation = whole.mean(axis=0), whole.std(axis=0) + 1e-6
    device = records[0].pos0.device
    return [torch.from_numpy((each - mean) / deviation).to(device) for each in values]
