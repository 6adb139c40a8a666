r"""Point Transformer [Zhao et al., ICCV 2021]: attention with a weight for every group of channels.

Point :math:`i` attends to its nearest neighbors,

.. math::
    y_i = \sum_{j \in N(i)} \operatorname{softmax}_j
    \bigl(\gamma(k_j - q_i + \delta_{ij})\bigr) \odot (v_j + \delta_{ij}), \qquad
    \delta_{ij} = \theta(p_j - p_i),

where the weights are shared by groups of channels.  Levels with a quarter of the points each are
reached by a maximum over neighbors; on the way back features are interpolated and added.  Sizes are
those of ``PointTransformer-Seg50``.
"""

from __future__ import annotations

from collections.abc import Sequence

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

__all__ = ["PointTransformer", "transformer_levels"]

STRIDE = 4
"""Quotient of the numbers of points of two levels."""


def transformer_levels(pos: Tensor, neighbors: Sequence[int]) -> Levels:
    """Return the levels of one cloud for a :class:`PointTransformer`.

    Args:
        pos: Coordinates, with shape ``(N, 3)``, float32.
        neighbors: Number of nearest neighbors on every level.
    """
    searches = [Search(count=count) for count in neighbors]
    levels = [
        Level(within=search, below=search if number else None)
        for number, search in enumerate(searches)
    ]
    return make_levels(pos, levels, stride=STRIDE)


class VectorAttention(nn.Module):
    """Attention to the neighbors within a level.

    Args:
        channels: Channels.
        shared: Number of channels with the same weight.
    """

    def __init__(self, channels: int, *, shared: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.position = nn.Sequential(
            nn.Linear(3, 3), EdgeNorm(3), nn.ReLU(), nn.Linear(3, channels)
        )
        groups = channels // shared
        self.weight = nn.Sequential(
            EdgeNorm(channels),
            nn.ReLU(),
            nn.Linear(channels, groups),
            EdgeNorm(groups),
            nn.ReLU(),
            nn.Linear(groups, groups),
        )

    def forward(self, x: Tensor, rows: Tensor, *, offset: Tensor) -> Tensor:
        """Return features of the same points, with shape ``(M, C)``.

        Args:
            x: Features, with shape ``(M, C)``.
            rows: Neighbors, with shape ``(M, K)``.
            offset: Their coordinates about the points, with shape ``(M, K, 3)``.
        """
        position = self.position(offset)
        relation = gathered(self.key(x), rows) - self.query(x)[:, None] + position
        weight = torch.softmax(self.weight(relation), dim=1)
        value = gathered(self.value(x), rows) + position
        grouped = value.unflatten(2, (-1, weight.shape[2]))
        return torch.einsum("mksg,mkg->msg", grouped, weight).flatten(1)


class Block(nn.Module):
    """Attention between two linear layers, with a shortcut.

    Args:
        channels: Channels.
        shared: Number of channels with the same weight.
    """

    def __init__(self, channels: int, *, shared: int) -> None:
        super().__init__()
        self.first = nn.Linear(channels, channels, bias=False)
        self.attention = VectorAttention(channels, shared=shared)
        self.last = nn.Linear(channels, channels, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm1d(channels) for _ in range(3))

    def forward(self, x: Tensor, structure: Data, *, number: int) -> Tensor:
        """Return features of the same points, with shape ``(M, C)``.

        Args:
            x: Features, with shape ``(M, C)``.
            structure: The levels.
            number: Number of the level.
        """
        rows, offset = structure[f"within{number}"], offsets_to(structure, "within", number=number)
        found = torch.relu(self.norms[0](self.first(x)))
        found = torch.relu(self.norms[1](self.attention(found, rows, offset=offset)))
        return torch.relu(x + self.norms[2](self.last(found)))


class Down(nn.Module):
    """Features of a coarser level: the maximum over neighbors of a layer.

    Args:
        channels: Input channels.
        out: Output channels.
        number: Number of the coarser level; 0 for a layer on the finest level itself.
    """

    def __init__(self, channels: int, out: int, *, number: int) -> None:
        super().__init__()
        self.number = number
        self.linear = nn.Linear(channels + (3 if number else 0), out, bias=False)
        self.norm = EdgeNorm(out) if number else nn.BatchNorm1d(out)

    def forward(self, x: Tensor, structure: Data) -> Tensor:
        """Return features, with shape ``(M, out)``; arguments as for :class:`Block`."""
        if self.number > 0:
            offset = offsets_to(structure, "below", number=self.number)
            x = torch.cat([offset, gathered(x, structure[f"below{self.number}"])], dim=2)
        found = torch.relu(self.norm(self.linear(x)))
        return found.amax(dim=1) if self.number else found


class PointTransformer(nn.Module):
    """Point Transformer over the levels of clouds.

    Args:
        channels: Input channels.
        classes: Number of classes.
        widths: Channels of the levels, the finest first.
        blocks: Blocks of the levels on the way down; there is one of each on the way up.
        shared: Number of channels with the same weight.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
        blocks: Sequence[int] = (1, 2, 3, 5, 2),
        shared: int = 8,
    ) -> None:
        super().__init__()
        given = [channels, *widths[:-1]]
        self.down = nn.ModuleList(
            Down(before, width, number=number)
            for number, (before, width) in enumerate(zip(given, widths, strict=True))
        )
        self.encoder = nn.ModuleList(
            nn.ModuleList(Block(width, shared=shared) for _ in range(count))
            for width, count in zip(widths, blocks, strict=True)
        )
        top = widths[-1]
        self.whole = nn.Sequential(nn.Linear(top, top), nn.ReLU())
        self.top = _layer(2 * top, top)
        self.skip = nn.ModuleList(_layer(width, width) for width in widths[:-1])
        self.up = nn.ModuleList(map(_layer, widths[1:], widths[:-1]))
        self.decoder = nn.ModuleList(Block(width, shared=shared) for width in widths)
        self.head = nn.Sequential(*_layer(widths[0], widths[0]), nn.Linear(widths[0], classes))

    def forward(self, x: Tensor, structure: Data) -> Tensor:
        """Return logits, with shape ``(N, classes)``.

        Args:
            x: Features of the points, with shape ``(N, channels)``.
            structure: Levels of one cloud or of a batch (:func:`transformer_levels`).
        """
        features = []
        for number, (down, blocks) in enumerate(zip(self.down, self.encoder, strict=True)):
            x = down(x, structure)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, structure, number=number)
            features.append(x)
        last = len(features) - 1
        x = self.top(torch.cat([x, self.whole(_means(x, structure[f"cloud{last}"]))], dim=1))
        x = self.decoder[last](x, structure, number=last)
        for number in reversed(range(last)):
            coarse = interpolated(self.up[number](x), structure, number=number + 1)
            x = self.skip[number](features[number]) + coarse
            x = self.decoder[number](x, structure, number=number)
        return self.head(x)  # type: ignore[no-any-return]


def _layer(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, out), nn.BatchNorm1d(out), nn.ReLU())


def _means(x: Tensor, cloud: Tensor) -> Tensor:
    """Return the mean over the cloud of each point, with shape ``(M, C)``."""
    count = torch.bincount(cloud)
    total = x.new_zeros(len(count), x.shape[1]).index_add(0, cloud, x)
    return (total / count[:, None])[cloud]
