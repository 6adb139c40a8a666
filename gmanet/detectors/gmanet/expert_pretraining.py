"""Pretext tasks: self-supervised pretraining of the expert on normal clouds before it is frozen.

Channels of a center's context are masked and predicted from the rest: random single channels
(``masked``), or all channels of the coarse histograms or the eigenvalues (``coarse``, ``shapes``)
in half of the rows.  A linear layer predicts them from the expert's features and is discarded.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gmanet.detectors.gmanet.context_layout import PARTS
from gmanet.detectors.gmanet.encoder import Committee

__all__ = ["pretrain"]

BATCH = 512
LEARNING_RATE = 3e-3
MASKED = 0.5
"""Share of the channels (``masked``) or of the rows (other tasks) that are masked."""


def pretrain(
    expert: Committee,
    inputs: Sequence[Tensor],
    *,
    pretext: str,
    steps: int,
    generator: torch.Generator,
) -> list[float]:
    """Train an expert in place, freeze it again, and return the loss of every step.

    Args:
        expert: The committee of experts, on the device of its inputs.
        inputs: Descriptors, local positions and standardized context of normal centers.
        pretext: One of ``detectors.gmanet.config.PRETEXTS`` but ``none``.
        steps: Number of optimizer steps.
        generator: Random generator on the CPU, for the rows, the masks and the last layer.
    """
    descriptor, local, context = inputs
    predicted = PARTS[pretext] if pretext in PARTS else range(context.shape[1])
    columns = torch.tensor(list(predicted), device=context.device)
    members, width = len(expert.members), len(expert(descriptor[:1], local[:1], context[:1])[0, 0])
    head = nn.Parameter(
        torch.randn(members, width, len(predicted), generator=generator) / width**0.5
    )
    head.data = head.data.to(context.device)
    parameters = [*expert.requires_grad_(True).parameters(), head]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    losses = []
    with torch.enable_grad():
        for _ in range(steps):
            rows = torch.randint(len(context), (min(BATCH, len(context)),), generator=generator)
            rows = rows.to(context.device)
            shape = (len(rows), len(predicted) if pretext == "masked" else 1)
            masked = (torch.rand(shape, generator=generator) < MASKED).to(context.device)
            visible, target = context[rows].clone(), context[rows][:, columns]
            visible[:, columns] = target.masked_fill(masked, 0.0)
            prediction = expert(descriptor[rows], local[rows], visible) @ head
            loss = ((prediction - target).square() * masked).mean() / masked.float().mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    expert.requires_grad_(False).eval()
    return losses
