"""Sampling and neighbors of tensors: torch-cluster where it is installed, else our own search.

torch-cluster (``fps``, ``radius``, ``knn``) works on the device of the tensor, our own search on
the CPU.  Both are exact: they agree but for the order of equal distances.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric import typing as pyg

from gmanet.geometry.neighbors import farthest_points, inverse_distance
from gmanet.geometry.search.ball import first_within
from gmanet.geometry.search.grid import grid_nearest

__all__ = ["ball", "farthest", "nearest", "three_nearest"]


def farthest(pos: Tensor) -> Tensor:
    """Return all points in the order of farthest point sampling, as indices with shape ``(N,)``.

    The first point is the one farthest from the centroid, so that the choice does not depend on
    the order of the points.  Points that coincide with earlier ones come last.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    count = len(pos)
    if pyg.WITH_TORCH_CLUSTER:
        offset = (pos.double() - pos.double().mean(dim=0)).float()
        start = int(offset.square().sum(dim=1).argmax())
        rows = torch.arange(count, device=pos.device)
        rows = torch.cat([rows[start : start + 1], rows[:start], rows[start + 1 :]])
        order = rows[pyg.torch_cluster.fps(offset[rows], ratio=1.0, random_start=False)]
    else:
        order = torch.from_numpy(farthest_points(pos.cpu().numpy(), count)).to(pos.device)
    first = torch.full((count,), 2 * count, device=pos.device)
    place = torch.arange(count, device=pos.device)
    first.scatter_reduce_(0, order, place, "amin")  # coinciding points: one of them again and again
    return first.argsort(stable=True)


def ball(pos: Tensor, query: Tensor, *, radius: float, count: int) -> Tensor:
    """Return the first ``count`` points within a radius of each query, with shape ``(Q, count)``.

    Args:
        pos: Coordinates of the points, with shape ``(N, 3)``.
        query: Coordinates of the queries, each one of the points, with shape ``(Q, 3)``.
        radius: In the unit of the coordinates.
        count: Number of points; balls with fewer repeat their first one.
    """
    if not pyg.WITH_TORCH_CLUSTER:
        workers = torch.get_num_threads()
        arrays = (pos.cpu().numpy(), query.cpu().numpy())
        rows = first_within(*arrays, radius=radius, count=count, workers=workers)
        return torch.from_numpy(rows).to(pos.device)
    # Of a ball with more points than wanted torch-cluster returns any on a CPU: ask for all.
    row, index = pyg.torch_cluster.radius(pos, query, radius, max_num_neighbors=len(pos))
    inside = (pos[index] - query[row]).square().sum(dim=1) <= radius**2
    row, index = row[inside], index[inside]
    order = (row * len(pos) + index).argsort()
    row, index = row[order], index[order]
    start = torch.searchsorted(row, torch.arange(len(query), device=pos.device))
    size = row.bincount(minlength=len(query))
    place = torch.arange(count, device=pos.device)
    found: Tensor = index[start[:, None] + torch.where(place < size[:, None], place, 0)]
    return found


def nearest(pos: Tensor, query: Tensor, *, count: int) -> tuple[Tensor, Tensor]:
    """Return distances and indices of the nearest points, nearest first, ``(Q, count)`` each.

    Args:
        pos: Coordinates of the points, with shape ``(N, 3)``.
        query: Coordinates of the queries, with shape ``(Q, 3)``.
        count: Number of neighbors; where there are fewer points the farthest one is repeated.
    """
    if not pyg.WITH_TORCH_CLUSTER:
        workers = torch.get_num_threads()
        found = grid_nearest(pos.cpu().numpy(), query.cpu().numpy(), count=count, workers=workers)
        return torch.from_numpy(found[0]).to(pos.device), torch.from_numpy(found[1]).to(pos.device)
    known = min(count, len(pos))
    index = pyg.torch_cluster.knn(pos, query, known)[1].view(len(query), known)
    distance, order = (pos[index] - query[:, None]).norm(dim=2).sort(dim=1, stable=True)
    place = torch.arange(count, device=pos.device).clamp(max=known - 1)
    return distance[:, place], index.gather(1, order)[:, place]


def three_nearest(pos: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
    """Return the three nearest points and their weights of interpolation, ``(Q, 3)`` each.

    Args:
        pos: Coordinates of the points, with shape ``(N, 3)``.
        query: Coordinates of the queries, with shape ``(Q, 3)``.
    """
    distance, index = nearest(pos, query, count=3)
    weight = inverse_distance(distance.cpu().numpy())
    return index, torch.from_numpy(weight).to(pos.device)
