"""Standardisation: values in standard deviations from their mean over normal clouds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["OUTLIER", "Standard"]

OUTLIER = 8.0
"""Standardised inputs are clipped here, in standard deviations."""


class Standard(nn.Module):
    """Mean and deviation of each channel, measured once and stored with the weights.

    Args:
        shape: Of mean and deviation; the identity until they are measured.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))

    @torch.no_grad()
    def measure(self, values: Tensor) -> None:
        """Take mean and deviation of rows, with shape ``(M, C)``, or ``(E, M, C)`` for each ``E``.

        A hundredth of the mean deviation is added to all, for channels that hardly change.
        """
        keep = values.ndim > 2
        deviation = values.std(dim=-2, keepdim=keep)
        self.mean = values.mean(dim=-2, keepdim=keep)
        self.scale = deviation + (0.01 * deviation.mean() + 1e-6)

    def forward(self, values: Tensor) -> Tensor:
        """Return standardised values, with the shape of ``values``."""
        return torch.div(values.float() - self.mean, self.scale)
