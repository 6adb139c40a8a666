r"""PointNeXt [Qian et al., NeurIPS 2022]: PointNet++ with inverted residual MLPs.

A set abstraction gives every point :math:`i` of the next level, a quarter of the points, the
maximum over a ball of radius :math:`r` of one layer, :math:`\max_j h(x_j, (p_j - p_i) / r)`.
Inverted residual MLPs follow: the same over a ball of twice the radius within the level, then two
layers with four times the channels between them, and a shortcut.  The way back is that of
PointNet++.  Sizes are those of PointNeXt-L.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from gmanet.networks.levels import (
    EdgeNorm,
    Level,
    Levels,
    Search,
    gathered,
    interpolated,
    make_levels,
    offsets_to,
)
from gmanet.networks.pointnet2.network import shared_mlp

__all__ = ["PointNeXt", "next_levels"]

STRIDE = 4
"""Quotient of the numbers of points of two levels."""
EXPANSION = 4
"""Hidden channels of an inverted residual MLP over its channels."""
DROPOUT = 0.5
"""Dropout of the head."""


def next_levels(
    pos: Tensor, *, radius: float, levels: int, below: int = 32, within: int = 32
) -> Levels:
    """Return the levels of one cloud for a :class:`PointNeXt`.

    Args:
        pos: Coordinates, with shape ``(N, 3)``, float32.
        radius: Radius of the balls of the first set abstraction, in the unit of the coordinates;
            it doubles from level to level, and within a level it is twice that.
        levels: Number of levels.
        below: Number of neighbors in the finer level.
        within: Number of neighbors within a level.
    """
    rows = [Level(within=None)]
    for number in range(levels - 1):
        own = radius * 2**number
        rows.append(
            Level(
                within=Search(count=within, radius=2 * own),
                below=Search(count=below, radius=own),
            )
        )
    return make_levels(pos, rows, stride=STRIDE)


class LocalMax(nn.Module):
    """The maximum over neighbors of one layer.

    Args:
        channels: Input channels.
        out: Output channels.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            nn.Linear(channels + 3, out, bias=False), EdgeNorm(out), nn.ReLU()
        )

    def forward(self, x: Tensor, rows: Tensor, *, offset: Tensor) -> Tensor:
        """Return features of the queries, with shape ``(M, out)``.

        Args:
            x: Features of the points, with shape ``(N, channels)``.
            rows: Neighbors of the queries, with shape ``(M, K)``.
            offset: Their coordinates about the queries over the radius, with shape ``(M, K, 3)``.
        """
        found: Tensor = self.layer(torch.cat([offset, gathered(x, rows)], dim=2))
        return found.amax(dim=1)


class InvertedResidual(nn.Module):
    """The maximum over neighbors, then two layers, wide between them, and a shortcut.

    Args:
        channels: Channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.neighbors = LocalMax(channels, channels)
        self.layers = nn.Sequential(
            *shared_mlp(channels, wide),
            nn.Linear(wide, channels, bias=False),
            nn.BatchNorm1d(channels),
        )

    def forward(self, x: Tensor, rows: Tensor, *, offset: Tensor) -> Tensor:
        """Return features of the same points, with shape ``(M, C)``; arguments as above."""
        return torch.relu(x + self.layers(self.neighbors(x, rows, offset=offset)))


class PointNeXt(nn.Module):
    """PointNeXt over the levels of clouds.

    Args:
        channels: Input channels.
        classes: Number of classes.
        radius: Radius of the balls of the first set abstraction, in the unit of the coordinates.
        widths: Channels of the levels, the finest first.
        blocks: Inverted residual MLPs of the coarser levels, the finest first.
        block: Function from a number of channels to such a block.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        radius: float = 0.1,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
        blocks: Sequence[int] = (2, 4, 2, 2),
        block: Callable[[int], nn.Module] = InvertedResidual,
    ) -> None:
        super().__init__()
        self.radius = radius
        self.stem = nn.Linear(channels, widths[0])
        self.down = nn.ModuleList(map(LocalMax, widths[:-1], widths[1:]))
        self.encoder = nn.ModuleList(
            nn.ModuleList(block(width) for _ in range(count))
            for width, count in zip(widths[1:], blocks, strict=True)
        )
        self.up = nn.ModuleList(
            shared_mlp(finer + coarser, finer, finer) for finer, coarser in pairwise(widths)
        )
        self.head = nn.Sequential(
            *shared_mlp(widths[0], widths[0]), nn.Dropout(DROPOUT), nn.Linear(widths[0], classes)
        )

    def forward(self, x: Tensor, structure: Data) -> Tensor:
        """Return logits, with shape ``(N, classes)``.

        Args:
            x: Features of the points, with shape ``(N, channels)``.
            structure: Levels of one cloud or of a batch (:func:`next_levels`).
        """
        features = [self.stem(x)]
        for number, (down, blocks) in enumerate(zip(self.down, self.encoder, strict=True), start=1):
            radius = self.radius * 2 ** (number - 1)
            offset = offsets_to(structure, "below", number=number) / radius
            x = down(features[-1], structure[f"below{number}"], offset=offset)
            offset = offsets_to(structure, "within", number=number) / (2 * radius)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, structure[f"within{number}"], offset=offset)
            features.append(x)
        x = features.pop()
        for number in reversed(range(len(features))):
            coarse = interpolated(x, structure, number=number + 1)
            x = self.up[number](torch.cat([features[number], coarse], dim=1))
        return self.head(x)  # type: ignore[no-any-return]
