"""The levels of a cloud, their neighborhoods and interpolation weights, computed once per cloud.

The record is made in the data workers and batches as any record of PyG does: indices of the next
cloud are moved by the number of points of those before it.
"""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor
from torch_geometric.data import Data

from gmanet.networks.pointnet2.layout import Layout
from gmanet.networks.pointnet2.neighbors import ball, farthest, three_nearest

__all__ = ["Hierarchy", "make_hierarchy"]


class Hierarchy(Data):
    """The levels of one or more clouds; level 0 holds every point.

    ``pos0`` with shape ``(N, 3)`` are the points, ``pos1``, ... those of the coarser levels.  For
    level ``l`` from 1 and scale ``s`` from 0, ``group{l}_{s}`` with shape ``(M, K)`` are the
    neighbors of its points in level ``l - 1``.  ``near{l}`` and ``weight{l}``, both with shape
    ``(M', 3)``, are the three nearest points in level ``l`` of the ``M'`` points of level
    ``l - 1``, and their weights of interpolation.
    """

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the offset of the next cloud's indices in a batch."""
        if found := re.fullmatch(r"group(\d+)_\d+", key):
            return len(self[f"pos{int(found[1]) - 1}"])
        if found := re.fullmatch(r"near(\d+)", key):
            return len(self[f"pos{found[1]}"])
        return super().__inc__(key, value, *args, **kwargs)


def make_hierarchy(pos: Tensor, layout: Layout) -> Hierarchy:
    """Return the hierarchy of one cloud, on the device of its points.

    Every level is a prefix of one farthest point sampling, and so evenly spaced.  A ball with more
    points than wanted gives the first of them in this order, which are spread over the ball; the
    reference takes the first in the order of the file.

    Args:
        pos: Coordinates in the unit of the layout's radii, with shape ``(N, 3)``, float32.
        layout: Numbers of levels, radii and neighbors.
    """
    order = farthest(pos)
    parts: dict[str, Tensor] = {"pos0": pos}
    finer = pos[order]
    for number, scales in enumerate(layout.levels, start=1):
        coarser = finer[: -(-len(finer) // layout.stride)]
        parts[f"pos{number}"] = coarser
        for place, scale in enumerate(scales):
            group = ball(finer, coarser, radius=scale.radius, count=scale.neighbors)
            parts[f"group{number}_{place}"] = order[group] if number == 1 else group
        near, weight = three_nearest(coarser, parts[f"pos{number - 1}"])
        parts |= {f"near{number}": near, f"weight{number}": weight}
        finer = coarser
    return Hierarchy(**parts, num_nodes=len(pos))
