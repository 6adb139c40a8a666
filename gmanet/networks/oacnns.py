r"""OA-CNNs: submanifold convolutions with adaptive context [Peng et al., CVPR 2024].

A block first gives every voxel :math:`i` the context of larger cells of several sizes :math:`k`,

.. math::
    c_{ik} = \sum_{j \in C_k(i)} w_{jk}\, h_k(x_j), \qquad
    w_{jk} = \operatorname{softmax}_{j \in C_k(i)}\, W_k \bigl(g_k(x_j) - \bar g_k\bigr),

the mean over the cell, with weights for every channel; the voxel itself chooses among the sizes,
:math:`\sum_k a_{ik} c_{ik}` with a softmax :math:`a_i` of a linear layer.  Two submanifold
convolutions with edge 3 follow, each half with a shortcut.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from gmanet.networks.sparse.convolution import DownConv, SubmanifoldConv, UpConv
from gmanet.networks.sparse.voxels import Voxels
from gmanet.networks.spunet import normalized

__all__ = ["OACNNs"]

DEVIATION = 0.02
"""Standard deviation of the first weights."""


def _layer(channels: int, out: int, *, bias: bool = False) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, out, bias=bias), normalized(out), nn.ReLU())


def _cells(voxels: Voxels, size: int) -> Tensor:
    """Return the cell of each voxel in a grid with a larger edge, with shape ``(N,)``."""
    cell = torch.cat([voxels.cloud[:, None], voxels.coord // size], dim=1)
    inverse: Tensor = torch.unique(cell, dim=0, return_inverse=True)[1]
    return inverse


def _sums(x: Tensor, cell: Tensor) -> Tensor:
    """Return the sum over the cell of each voxel, with shape ``(N, C)``."""
    total = x.new_zeros(int(cell.max()) + 1, x.shape[1])
    return total.index_add_(0, cell, x)[cell]


def _maxima(x: Tensor, cell: Tensor) -> Tensor:
    """Return the maximum over the cell of each voxel, with shape ``(N, C)``, without gradient."""
    x = x.detach()
    most = x.new_full((int(cell.max()) + 1, x.shape[1]), -torch.inf)
    return most.scatter_reduce_(0, cell[:, None].expand_as(x), x, "amax")[cell]


class Context(nn.Module):
    """Context of cells of one size.

    Args:
        channels: Channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.value = _layer(channels, channels)
        self.key = _layer(channels, channels)
        self.weight = nn.Linear(channels, channels, bias=False)

    def forward(self, x: Tensor, cell: Tensor) -> Tensor:
        """Return the weighted mean over the cell of each voxel, with shape ``(N, C)``.

        Args:
            x: Features, with shape ``(N, C)``.
            cell: Cell of each voxel, from 0, with shape ``(N,)``.
        """
        key = self.key(x)
        size = torch.bincount(cell)[cell][:, None]
        weight = self.weight(key - _sums(key, cell) / size)
        weight = torch.exp(weight - _maxima(weight, cell))
        weight = weight / _sums(weight, cell)
        return _sums(self.value(x) * weight, cell)


class AdaptiveBlock(nn.Module):
    """Context of several sizes, then two submanifold convolutions.

    Args:
        channels: Channels.
        sizes: Number of sizes of cells.
    """

    def __init__(self, channels: int, sizes: int) -> None:
        super().__init__()
        self.contexts = nn.ModuleList(Context(channels) for _ in range(sizes))
        self.choice = nn.Linear(channels, sizes, bias=False)
        self.own = _layer(channels, channels)
        self.fuse = _layer(2 * channels, channels)
        self.first, self.first_norm = SubmanifoldConv(channels, channels), normalized(channels)
        self.second, self.second_norm = SubmanifoldConv(channels, channels), normalized(channels)

    def forward(self, x: Tensor, voxels: Voxels, *, cells: Sequence[Tensor]) -> Tensor:
        """Return features of the voxels, with shape ``(N, C)``.

        Args:
            x: Features, with shape ``(N, C)``.
            voxels: The occupied voxels.
            cells: Cell of each voxel for every size, with shape ``(N,)`` each.
        """
        found = [context(x, cell) for context, cell in zip(self.contexts, cells, strict=True)]
        choice = torch.softmax(self.choice(x), dim=1)
        context = torch.einsum("nk,nkc->nc", choice, torch.stack(found, dim=1))
        x = x + self.fuse(torch.cat([self.own(x), context], dim=1))
        inner = torch.relu(self.first_norm(self.first(x, voxels)))
        return torch.relu(x + self.second_norm(self.second(inner, voxels)))


class OACNNs(nn.Module):
    """OA-CNNs over the voxels of clouds.

    Args:
        channels: Input channels.
        classes: Number of classes.
        stem: Channels of the stem.
        widths: Channels of the levels on the way down.
        blocks: Blocks of these levels.
        up: Channels of the levels on the way up, the finest first.
        cells: Edges of the cells of every level, in its voxels.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        stem: int = 64,
        widths: Sequence[int] = (64, 64, 128, 256),
        blocks: Sequence[int] = (3, 3, 9, 8),
        up: Sequence[int] = (256, 256, 256, 256),
        cells: Sequence[Sequence[int]] = (
            *((8, 12, 16, 16), (6, 9, 12, 12)),
            *((4, 6, 8, 8), (3, 4, 6, 6)),
        ),
    ) -> None:
        super().__init__()
        self.cells = [list(sizes) for sizes in cells]
        given = [channels, stem, stem]
        self.stem = nn.ModuleList(SubmanifoldConv(before, stem) for before in given)
        self.stem_norm = nn.ModuleList(normalized(stem) for _ in given)
        finer, coarser = [stem, *widths[:-1]], [*up[1:], widths[-1]]
        self.down = nn.ModuleList(map(DownConv, finer, widths))
        self.down_norm = nn.ModuleList(map(normalized, widths))
        self.encoder = nn.ModuleList(
            nn.ModuleList(AdaptiveBlock(width, len(sizes)) for _ in range(count))
            for width, count, sizes in zip(widths, blocks, cells, strict=True)
        )
        self.up = nn.ModuleList(map(UpConv, coarser, up))
        self.up_norm = nn.ModuleList(map(normalized, up))
        self.fuse = nn.ModuleList(
            nn.Sequential(*_layer(skip + width, width, bias=True), *_layer(width, width, bias=True))
            for skip, width in zip(finer, up, strict=True)
        )
        self.head = nn.Linear(up[0], classes)
        self.apply(_first_weights)

    def forward(self, x: Tensor, structure: Data) -> Tensor:
        """Return logits, with shape ``(N, classes)``.

        Args:
            x: Features of the voxels, with shape ``(N, channels)``.
            structure: Record of the voxels (``Voxels.of``).
        """
        voxels = Voxels.of(structure)
        for convolution, norm in zip(self.stem, self.stem_norm, strict=True):
            x = torch.relu(norm(convolution(x, voxels)))
        skips = []
        for level, blocks in enumerate(self.encoder):
            skips.append((x, voxels))
            x = torch.relu(self.down_norm[level](self.down[level](x, voxels)))
            voxels = voxels.coarser
            cells = [_cells(voxels, size) for size in self.cells[level]]
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, voxels, cells=cells)
        for level in reversed(range(len(skips))):
            skip, voxels = skips[level]
            x = torch.relu(self.up_norm[level](self.up[level](x, voxels)))
            x = x + self.fuse[level](torch.cat([x, skip], dim=1))
        return self.head(x)  # type: ignore[no-any-return]


def _first_weights(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear | SubmanifoldConv):
        nn.init.trunc_normal_(layer.weight, std=DEVIATION)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
