r"""PointVector [Deng et al., CVPR 2023]: PointNeXt with vectors in the place of scalar features.

With :math:`y_{ij} = \operatorname{ReLU}(x_j - x_i + \theta(p_j - p_i))` every channel of a neighbor
becomes a vector of three components, whose length is linear in :math:`y` and whose direction two
further layers give as angles,

.. math::
    v_{ij} = z_{ij} \bigl(\sin\beta_{ij} \cos\alpha_{ij},\; \sin\beta_{ij} \sin\alpha_{ij},\;
    \cos\beta_{ij}\bigr).

The vectors of a channel are summed over the neighbors, and a linear layer of its own makes them a
scalar again.  Levels, set abstractions and the way back are those of PointNeXt.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gmanet.networks.levels import EdgeNorm, gathered
from gmanet.networks.pointnext import PointNeXt

__all__ = ["PointVector", "VectorBlock"]


class VectorBlock(nn.Module):
    """Vectors of the neighbors, their sum as scalars, and a shortcut.

    Args:
        channels: Channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.position = nn.Sequential(nn.Linear(3, channels, bias=False), EdgeNorm(channels))
        self.alpha, self.beta = (
            nn.Sequential(nn.Linear(channels, channels, bias=False), EdgeNorm(channels), nn.ReLU())
            for _ in range(2)
        )
        self.length = nn.Linear(channels, channels, bias=False)
        self.components = nn.Parameter(torch.empty(3, channels))
        nn.init.uniform_(self.components, -(3**-0.5), 3**-0.5)
        self.scalar_norm = nn.BatchNorm1d(channels)
        self.out, self.shortcut = (
            nn.Sequential(nn.Linear(channels, channels, bias=False), nn.BatchNorm1d(channels))
            for _ in range(2)
        )

    def forward(self, x: Tensor, rows: Tensor, *, offset: Tensor) -> Tensor:
        """Return features of the same points, with shape ``(M, C)``.

        Args:
            x: Features, with shape ``(M, C)``.
            rows: Neighbors, with shape ``(M, K)``.
            offset: Their coordinates about the points over the radius, with shape ``(M, K, 3)``.
        """
        y = torch.relu(gathered(x, rows) - x[:, None] + self.position(offset))
        alpha, beta, length = self.alpha(y), self.beta(y), self.length(y)
        across = length * torch.sin(beta)
        vector = (across * torch.cos(alpha), across * torch.sin(alpha), length * torch.cos(beta))
        sums = torch.stack([part.sum(dim=1) for part in vector], dim=1)
        scalar = self.scalar_norm((sums * self.components).sum(dim=1))
        return torch.relu(self.out(scalar) + self.shortcut(x))


class PointVector(PointNeXt):
    """PointVector over the levels of clouds.

    Args:
        channels: Input channels.
        classes: Number of classes.
        radius: Radius of the balls of the first set abstraction, in the unit of the coordinates.
        widths: Channels of the levels, the finest first.
        blocks: Blocks of the coarser levels, the finest first.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        radius: float = 0.1,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
        blocks: Sequence[int] = (2, 4, 2, 2),
    ) -> None:
        super().__init__(
            channels, classes, radius=radius, widths=widths, blocks=blocks, block=VectorBlock
        )
