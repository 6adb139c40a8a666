"""SpUNet: a U-Net of submanifold convolutions [Choy et al., CVPR 2019; Graham et al., CVPR 2018].

A stem with a kernel of edge 5; on each of four levels a convolution with stride 2 and residual
blocks of two convolutions with edge 3; back up, inverse convolutions, the features of the finer
level beside them, and residual blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from gmanet.networks.sparse.convolution import DownConv, SubmanifoldConv, UpConv
from gmanet.networks.sparse.voxels import Voxels

__all__ = ["ResidualBlock", "SpUNet", "normalized"]

EPSILON, MOMENTUM = 1e-3, 0.01
"""Smallest variance, and share of a new batch in the statistics, of batch normalization."""


def normalized(channels: int) -> nn.BatchNorm1d:
    """Return the batch normalization of networks over voxels."""
    return nn.BatchNorm1d(channels, eps=EPSILON, momentum=MOMENTUM)


class ResidualBlock(nn.Module):
    """Two submanifold convolutions beside a shortcut.

    Args:
        channels: Input channels.
        out: Output channels; where they differ the shortcut is a linear layer.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.shortcut: nn.Module = nn.Identity()
        if channels != out:
            self.shortcut = nn.Sequential(nn.Linear(channels, out, bias=False), normalized(out))
        self.first, self.first_norm = SubmanifoldConv(channels, out), normalized(out)
        self.second, self.second_norm = SubmanifoldConv(out, out), normalized(out)

    def forward(self, x: Tensor, voxels: Voxels) -> Tensor:
        """Return features of the voxels, with shape ``(N, out)``.

        Args:
            x: Features, with shape ``(N, channels)``.
            voxels: The occupied voxels.
        """
        found = torch.relu(self.first_norm(self.first(x, voxels)))
        found = self.second_norm(self.second(found, voxels))
        return torch.relu(found + self.shortcut(x))


class SpUNet(nn.Module):
    """SpUNet over the voxels of clouds.

    Args:
        channels: Input channels.
        classes: Number of classes.
        stem: Channels of the stem.
        widths: Channels of the levels on the way down, then on the way up.
        blocks: Residual blocks of the levels on the way down, then on the way up.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        stem: int = 32,
        widths: Sequence[int] = (32, 64, 128, 256, 256, 128, 96, 96),
        blocks: Sequence[int] = (2, 3, 4, 6, 2, 2, 2, 2),
    ) -> None:
        super().__init__()
        self.levels = len(widths) // 2
        finer = [stem, *widths[: self.levels - 1]]
        self.stem, self.stem_norm = SubmanifoldConv(channels, stem, size=5), normalized(stem)
        self.down, self.down_norm = nn.ModuleList(), nn.ModuleList()
        self.up, self.up_norm = nn.ModuleList(), nn.ModuleList()
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for width, before, count in zip(widths[: self.levels], finer, blocks, strict=False):
            self.down.append(DownConv(before, width))
            self.down_norm.append(normalized(width))
            self.encoder.append(_blocks(width, width, count=count))
        before = widths[self.levels - 1]
        rows = zip(widths[self.levels :], reversed(finer), blocks[self.levels :], strict=True)
        for width, skip, count in rows:
            self.up.append(UpConv(before, width))
            self.up_norm.append(normalized(width))
            self.decoder.append(_blocks(width + skip, width, count=count))
            before = width
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor, structure: Data) -> Tensor:
        """Return logits, with shape ``(N, classes)``.

        Args:
            x: Features of the voxels, with shape ``(N, channels)``.
            structure: Record of the voxels (``Voxels.of``).
        """
        voxels = Voxels.of(structure)
        x = torch.relu(self.stem_norm(self.stem(x, voxels)))
        skips = []
        for down, norm, blocks in zip(self.down, self.down_norm, self.encoder, strict=True):
            skips.append((x, voxels))
            x, voxels = torch.relu(norm(down(x, voxels))), voxels.coarser
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, voxels)
        for up, norm, blocks in zip(self.up, self.up_norm, self.decoder, strict=True):
            skip, voxels = skips.pop()
            x = torch.cat([torch.relu(norm(up(x, voxels))), skip], dim=1)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, voxels)
        return self.head(x)  # type: ignore[no-any-return]


def _blocks(channels: int, out: int, *, count: int) -> nn.ModuleList:
    """Return residual blocks, of which the first changes the number of channels."""
    given = [channels, *([out] * (count - 1))]
    return nn.ModuleList(ResidualBlock(before, out) for before in given)
