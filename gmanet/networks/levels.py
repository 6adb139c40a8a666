"""The levels of a cloud with neighborhoods between and within them, computed once per cloud.

The record is made in the data workers and batches as any record of PyG does: indices of the next
cloud are moved by the number of points of those before it.  PointNet++ has balls between levels
only, and a record of its own (``networks.pointnet2.hierarchy``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from gmanet.geometry.neighbors import interpolate
from gmanet.networks.pointnet2.neighbors import ball, farthest, nearest, three_nearest

__all__ = ["Level", "Levels", "Search", "gathered", "interpolated", "make_levels", "offsets_to"]


@dataclass(frozen=True, kw_only=True)
class Search:
    """A kind of neighborhood.

    Args:
        count: Number of neighbors.
        radius: Radius of the ball, in the unit of the coordinates; None: the nearest points.
    """

    count: int
    radius: float | None = None

    def __call__(self, pos: Tensor, query: Tensor) -> Tensor:
        """Return the neighbors of queries, each one of the points, with shape ``(Q, count)``.

        Args:
            pos: Coordinates of the points, with shape ``(N, 3)``.
            query: Coordinates of the queries, with shape ``(Q, 3)``.
        """
        if self.radius is None:
            return nearest(pos, query, count=self.count)[1]
        return ball(pos, query, radius=self.radius, count=self.count)


@dataclass(frozen=True, kw_only=True)
class Level:
    """The neighborhoods of a level.

    Args:
        within: Neighborhood of its points among themselves; None for none.
        below: Neighborhood of its points in the finer level; None on the finest level.
    """

    within: Search | None
    below: Search | None = None


class Levels(Data):
    """The levels of one or more clouds; level 0 holds every point.

    ``pos0`` with shape ``(N, 3)`` are the points, ``pos1``, ... those of the coarser levels;
    ``within{l}`` and ``below{l}``, both with shape ``(M, K)``, are the neighbors of the points of
    level ``l`` in the same and in the finer level.  ``near{l}`` and ``weight{l}``, both with shape
    ``(M', 3)``, are the three nearest points in level ``l`` of the ``M'`` points of level
    ``l - 1``, and their weights of interpolation.  ``cloud{l}`` with shape ``(M,)`` is the cloud
    of every point.
    """

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the offset of the next cloud's indices in a batch."""
        if found := re.fullmatch(r"(within|near|below)(\d+)", key):
            return len(self[f"pos{int(found[2]) - (found[1] == 'below')}"])
        if re.fullmatch(r"cloud\d+", key):
            return 1
        return super().__inc__(key, value, *args, **kwargs)


def make_levels(pos: Tensor, levels: Sequence[Level], *, stride: int = 4) -> Levels:
    """Return the levels of one cloud, on the device of its points.

    Every level is a prefix of one farthest point sampling, and so evenly spaced.

    Args:
        pos: Coordinates in the unit of the radii, with shape ``(N, 3)``, float32.
        levels: Neighborhoods of the levels, the finest first.
        stride: Quotient of the numbers of points of two levels.
    """
    order = farthest(pos)
    parts: dict[str, Tensor] = {}
    ranked, finer = pos[order], pos[order]
    for number, level in enumerate(levels):
        own = ranked if number == 0 else finer[: -(-len(finer) // stride)]
        if level.within is not None:
            # The finest level lies in the order of the file, its neighbors come in that of ranks.
            within = level.within(own, own if number else pos)
            parts[f"within{number}"] = within if number else order[within]
        if number > 0:
            assert level.below is not None
            below = level.below(finer, own)
            parts[f"below{number}"] = order[below] if number == 1 else below
            near, weight = three_nearest(own, parts[f"pos{number - 1}"])
            parts |= {f"near{number}": near, f"weight{number}": weight}
        parts[f"pos{number}"] = own if number else pos
        parts[f"cloud{number}"] = torch.zeros(len(own), dtype=torch.int64, device=pos.device)
        finer = own
    return Levels(**parts, num_nodes=len(pos))


def gathered(x: Tensor, rows: Tensor) -> Tensor:
    """Return the features of neighbors, with shape ``(M, K, C)``.

    Args:
        x: Features, with shape ``(N, C)``.
        rows: Neighbors, with shape ``(M, K)``.
    """
    return x.index_select(0, rows.flatten()).view(*rows.shape, x.shape[1])


def offsets_to(structure: Data, key: str, *, number: int) -> Tensor:
    """Return the coordinates of neighbors about the points of a level, with shape ``(M, K, 3)``.

    Args:
        structure: The levels.
        key: ``within`` or ``below``.
        number: Number of the level.
    """
    source = structure[f"pos{number - (key == 'below')}"]
    center: Tensor = structure[f"pos{number}"]
    return gathered(source, structure[f"{key}{number}"]) - center[:, None]


def interpolated(x: Tensor, structure: Data, *, number: int) -> Tensor:
    """Return features of level ``number - 1`` from those of level ``number``, ``(M', C)``."""
    return interpolate(x, structure[f"near{number}"], weight=structure[f"weight{number}"])


class EdgeNorm(nn.BatchNorm1d):
    """Batch normalization of every neighbor of every point."""

    def forward(self, x: Tensor) -> Tensor:
        """Return normalized features, with shape ``(M, K, C)``."""
        return super().forward(x.flatten(0, 1)).view(x.shape)
