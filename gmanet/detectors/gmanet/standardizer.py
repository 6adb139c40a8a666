"""Standardization: values in standard deviations from their mean over normal clouds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["OUTLIER", "Standardizer"]

OUTLIER = 8.0
"""Limit at which standardized inputs are clipped, in standard deviations."""


class Standardizer(nn.Module):
    """Mean and scale of each channel, fitted once and stored with the weights.

    Args:
        shape: Shape of mean and scale; before the fit they are the identity.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))

    @torch.no_grad()
    def fit(self, values: Tensor) -> None:
        """Fit mean and scale to rows, with shape ``(M, C)``, or ``(E, M, C)`` for each ``E``.

        A hundredth of the mean deviation is added to each scale, for nearly constant channels.
        """
        keep = values.ndim > 2
        deviation = values.std(dim=-2, keepdim=keep)
        self.mean = values.mean(dim=-2, keepdim=keep)
        self.scale = deviation + (0.01 * deviation.mean() + 1e-6)

    def forward(self, values: Tensor) -> Tensor:
        """Return standardized values, with the shape of ``values``."""
        return torch.div(values.float() - self.mean, self.scale)
