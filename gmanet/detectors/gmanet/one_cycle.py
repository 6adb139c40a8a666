"""AdamW with a one-cycle schedule over all steps, as both detectors of this room train."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

__all__ = ["one_cycle"]


def one_cycle(
    parameters: Iterable[nn.Parameter], *, learning_rate: float, weight_decay: float, steps: int
) -> dict[str, Any]:
    """Return optimizer and schedule as Lightning takes them.

    Args:
        parameters: What is optimized.
        learning_rate: Peak learning rate.
        weight_decay: Weight decay of AdamW.
        steps: Number of all steps.
    """
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
