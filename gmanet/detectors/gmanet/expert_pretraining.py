"""Pretexts: how an expert learns of normal surface before it is frozen, without any labels.

Channels of a center's context are hidden and are to be told from what is left: single ones at
random (``masked``), or the coarser neighborhoods or the eigenvalues (``coarse``, ``shapes``) in
half of the rows.  A linear layer reads them from the expert's answer and is thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gmanet.detectors.gmanet.context_layout import PARTS
from gmanet.detectors.gmanet.encoder import Committee

__all__ = ["PRETEXTS", "pretrain"]

PRETEXTS = ("none", "masked", "coarse", "shapes")
"""``none`` leaves the expert random."""

BATCH = 512
LEARNING_RATE = 3e-3
HIDDEN = 0.5
"""Share of the channels, or of the rows, that are hidden."""


def pretrain(
    expert: Committee,
    inputs: Sequence[Tensor],
    pretext: str,
    steps: int,
    generator: torch.Generator,
) -> list[float]:
    """Train an expert in place, freeze it again, and return the loss of every step.

    Args:
        expert: On the device of its inputs.
        inputs: Descriptors, local places and standardised context of normal centers.
        pretext: One of ``PRETEXTS`` but ``none``.
        steps: Optimizer steps.
        generator: Of the processor; decides the rows, what is hidden and the last layer.
    """
    descriptor, local, context = inputs
    told = PARTS[pretext] if pretext in PARTS else range(context.shape[1])
    columns = torch.tensor(list(told), device=context.device)
    members, width = len(expert.members), len(expert(descriptor[:1], local[:1], context[:1])[0, 0])
    reader = nn.Parameter(torch.randn(members, width, len(told), generator=generator) / width**0.5)
    reader.data = reader.data.to(context.device)
    parameters = [*expert.requires_grad_(True).parameters(), reader]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    losses = []
    with torch.enable_grad():
        for _ in range(steps):
            rows = torch.randint(len(context), (min(BATCH, len(context)),), generator=generator)
            rows = rows.to(context.device)
            shape = (len(rows), len(told) if pretext == "masked" else 1)
            hidden = (torch.rand(shape, generator=generator) < HIDDEN).to(context.device)
            seen, target = context[rows].clone(), context[rows][:, columns]
            seen[:, columns] = target.masked_fill(hidden, 0.0)
            answer = expert(descriptor[rows], local[rows], seen) @ reader
            loss = ((answer - target).square() * hidden).mean() / hidden.float().mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    expert.requires_grad_(False).eval()
    return losses
