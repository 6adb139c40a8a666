r"""OctFormer: attention in windows of an octree's leaves in their order [Wang, ACM TOG 2023].

Two levels of convolutions come first.  On each of four levels, blocks of a depth-wise convolution,
which codes the position, of attention in windows and of an MLP; every second block has dilated
windows.  A pyramid adds up the features of all levels and brings them back to the finest voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from gmanet.networks.octformer.windows import Attention, Windows
from gmanet.networks.sparse.convolution import DepthwiseConv, DownConv, SubmanifoldConv, UpConv
from gmanet.networks.sparse.voxels import Voxels

__all__ = ["OctFormer"]

EXPANSION = 4
"""Hidden channels of the MLP of a block over its channels."""


class Block(nn.Module):
    """Position code, attention and MLP, each with a shortcut.

    Args:
        channels: Channels.
        heads: Number of heads.
        size: Number of voxels in a window.
        dilation: Distance of neighbors in a window.
        drop: Probability with which a shortcut alone is taken for a cloud in training.
    """

    def __init__(self, channels: int, heads: int, *, size: int, dilation: int, drop: float) -> None:
        super().__init__()
        self.drop = drop
        self.code, self.code_norm = DepthwiseConv(channels), nn.BatchNorm1d(channels)
        self.attention_norm, self.mlp_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = Attention(channels, heads, size=size, dilation=dilation)
        self.mlp = nn.Sequential(
            nn.Linear(channels, EXPANSION * channels),
            nn.GELU(),
            nn.Linear(EXPANSION * channels, channels),
        )

    def forward(self, x: Tensor, windows: Windows) -> Tensor:
        """Return features of the voxels, with shape ``(N, channels)``; arguments as above."""
        voxels = windows.voxels
        x = x + self.code_norm(self.code(x, voxels))
        x = x + self._dropped(self.attention(self.attention_norm(x), windows), voxels)
        return x + self._dropped(self.mlp(self.mlp_norm(x)), voxels)

    def _dropped(self, x: Tensor, voxels: Voxels) -> Tensor:
        """Return the features of some clouds, scaled, and zeros for the others."""
        if not self.training or self.drop == 0:
            return x
        kept = torch.rand(voxels.clouds, device=x.device) >= self.drop
        return x * (kept[voxels.cloud] / (1 - self.drop))[:, None]


class _Conv(nn.Module):
    """A convolution, batch normalization and a ReLU."""

    def __init__(self, convolution: nn.Module, out: int, *, relu: bool = True) -> None:
        super().__init__()
        self.convolution, self.norm, self.relu = convolution, nn.BatchNorm1d(out), relu

    def forward(self, x: Tensor, voxels: Voxels) -> Tensor:
        found = self.norm(self.convolution(x, voxels))
        return torch.relu(found) if self.relu else found


class Stem(nn.Module):
    """Convolutions on levels that are too fine for attention, and their strided convolutions.

    Args:
        channels: Input channels.
        out: Output channels; every finer level has half of those of the next.
        levels: Number of levels, each with half the resolution of the one before.
    """

    def __init__(self, channels: int, out: int, *, levels: int) -> None:
        super().__init__()
        widths = [out // 2 ** (levels - number) for number in range(levels + 1)]
        given = [channels, *widths[1:-1]][:levels]
        self.convolutions = nn.ModuleList(
            _Conv(SubmanifoldConv(before, width), width)
            for before, width in zip(given, widths, strict=False)
        )
        self.down = nn.ModuleList(
            _Conv(DownConv(finer, coarser), coarser) for finer, coarser in pairwise(widths)
        )
        self.last = _Conv(SubmanifoldConv(out, out), out)

    def forward(self, x: Tensor, voxels: Voxels) -> tuple[Tensor, list[Voxels]]:
        """Return features ``(M, out)`` of the coarsest level, and the voxels of all levels.

        Args:
            x: Features of the finest level, with shape ``(N, channels)``.
            voxels: The finest voxels.
        """
        levels = [voxels]
        for convolution, down in zip(self.convolutions, self.down, strict=True):
            x = down(convolution(x, levels[-1]), levels[-1])
            levels.append(levels[-1].coarser)
        return self.last(x, levels[-1]), levels


class Pyramid(nn.Module):
    """Features of all levels, added up on the finest of them, and then brought to finer voxels.

    Args:
        widths: Channels of the levels, the finest first.
        channels: Channels of the pyramid.
        finer: Number of finer levels.
    """

    def __init__(self, widths: Sequence[int], channels: int, *, finer: int) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(nn.Linear(width, channels) for width in widths)
        self.smooth = nn.ModuleList(
            _Conv(SubmanifoldConv(channels, channels), channels) for _ in widths
        )
        self.up = nn.ModuleList(
            _Conv(UpConv(channels, channels, size=3), channels) for _ in range(finer)
        )

    def forward(self, features: list[Tensor], levels: list[Voxels]) -> Tensor:
        """Return features of the finest voxels, with shape ``(N, channels)``.

        Args:
            features: Features of the levels with attention, the finest first.
            levels: Voxels of all levels, the finest first.
        """
        start = len(levels) - len(features)
        total: Tensor | None = None
        down: Tensor | None = None
        for number in reversed(range(len(features))):
            voxels = levels[start + number]
            own = self.reduce[number](features[number])
            down = own if down is None else own + down[voxels.parent]
            smooth = self.smooth[number](down, voxels)
            total = smooth if total is None else smooth + total[voxels.parent]
        assert total is not None
        for up, voxels in zip(self.up, reversed(levels[:start]), strict=True):
            total = up(total, voxels)
        return total


class OctFormer(nn.Module):
    """OctFormer over the voxels of clouds.

    Args:
        channels: Input channels.
        classes: Number of classes.
        widths: Channels of the levels with attention.
        blocks: Blocks of these levels.
        heads: Heads of these levels.
        window: Number of voxels in a window.
        dilation: Dilation of every second block.
        stem: Number of finer levels, without attention.
        pyramid: Channels of the pyramid.
        drop: Largest probability with which a block is skipped in training, that of the last one.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        widths: Sequence[int] = (96, 192, 384, 384),
        blocks: Sequence[int] = (2, 2, 18, 2),
        heads: Sequence[int] = (6, 12, 24, 24),
        window: int = 26,
        dilation: int = 4,
        stem: int = 2,
        pyramid: int = 168,
        drop: float = 0.5,
    ) -> None:
        super().__init__()
        self.window, self.dilation = window, dilation
        self.stem = Stem(channels, widths[0], levels=stem)
        chances = iter(np.linspace(0, drop, sum(blocks)).tolist())
        self.levels = nn.ModuleList(
            nn.ModuleList(
                Block(
                    width,
                    head,
                    size=window,
                    dilation=dilation if number % 2 else 1,
                    drop=next(chances),
                )
                for number in range(count)
            )
            for width, count, head in zip(widths, blocks, heads, strict=True)
        )
        self.down = nn.ModuleList(
            _Conv(DownConv(finer, coarser, bias=True), coarser, relu=False)
            for finer, coarser in pairwise(widths)
        )
        self.pyramid = Pyramid(widths, pyramid, finer=stem)
        self.head = nn.Sequential(
            nn.Linear(pyramid, pyramid),
            nn.BatchNorm1d(pyramid),
            nn.ReLU(),
            nn.Linear(pyramid, classes),
        )

    def forward(self, x: Tensor, structure: Data) -> Tensor:
        """Return logits, with shape ``(N, classes)``.

        Args:
            x: Features of the voxels, with shape ``(N, channels)``.
            structure: Record of the voxels (``Voxels.of``).
        """
        x, levels = self.stem(x, Voxels.of(structure))
        features: list[Tensor] = []
        for number, blocks in enumerate(self.levels):
            if number > 0:
                x = self.down[number - 1](x, levels[-1])
                levels.append(levels[-1].coarser)
            windows = Windows(levels[-1], self.window, dilation=self.dilation)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, windows)
            features.append(x)
        return self.head(self.pyramid(features, levels))  # type: ignore[no-any-return]
