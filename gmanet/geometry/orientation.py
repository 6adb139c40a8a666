"""Signs of normals: like signs among neighbors, and which side of a surface is outside.

The outside is found by hidden-point removal: a point of a closed part is seen from outside only.  A
one-sided scan is seen from both sides; the outside is then taken to be the side that it bulges to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles, Floats, Labels
from gmanet.geometry.visibility import directions, visible

__all__ = ["Views", "oriented", "outward", "views"]

VIEWS = 32
"""Number of directions from which points are looked at."""

DECIDED = 0.3
"""Least share of the views of a point, weighted by their cosine, by which one side must lead."""

EVEN = 0.05
"""Distance of the mean depth of a one-sided scan from the middle, as a share of the range, below
which depths of center and rim decide: a cap of a ball has as many points at any depth."""

CLOSED = 0.5
"""Least share of the points of a closed part whose side is decided."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Views:
    """Which points are seen from which direction.

    Args:
        directions: Unit vectors from the part to the viewer, with shape ``(V, 3)``.
        seen: True where a point is seen, with shape ``(V, N)``.
    """

    directions: Doubles
    seen: Labels


def views(pos: Doubles, *, count: int = VIEWS) -> Views:
    """Return what is seen of a surface from all around.

    Args:
        pos: Points, with shape ``(N, 3)``; a few thousand are enough.
        count: Number of directions.
    """
    around = directions(count)
    points = pos.astype(np.float32)
    return Views(directions=around, seen=np.stack([visible(points, one) for one in around]))


def outward(pos: Doubles, normal: Doubles, *, around: Views | None = None) -> Doubles:
    """Return the normals with signs so that they point out of the part, ``(N, 3)``.

    Args:
        pos: Points of a surface, with shape ``(N, 3)``; a few thousand are enough.
        normal: Unit normals of either sign, with shape ``(N, 3)``.
        around: What is seen of the points; None to find it.
    """
    around = around or views(pos)
    cosine = np.where(around.seen, around.directions @ normal.T, 0.0)
    votes, seen = cosine.sum(axis=0), np.abs(cosine).sum(axis=0)
    decided = np.abs(votes) > DECIDED * np.maximum(seen, 1e-9)
    if decided.mean() < CLOSED:
        return _of_sheet(pos, normal)
    made = normal * np.where(votes < 0, -1.0, 1.0)[:, None]
    return _agreed(pos, made, decided)


def _agreed(pos: Doubles, normal: Doubles, decided: Labels) -> Doubles:
    """Return normals whose undecided signs agree with the nearest decided points."""
    rest = np.flatnonzero(~decided)
    if not len(rest):
        return normal
    known = np.flatnonzero(decided)
    near = known[np.asarray(cKDTree(pos[known]).query(pos[rest])[1])]
    agree = np.einsum("nk,nk->n", normal[rest], normal[near])
    made = normal.copy()
    made[rest] *= np.where(agree < 0, -1.0, 1.0)[:, None]
    return made


def _of_sheet(pos: Doubles, normal: Doubles) -> Doubles:
    """Return the normals of a one-sided scan, toward the side that it bulges to."""
    axis = np.linalg.eigh(normal.T @ normal)[1][:, 2]
    depth = pos @ axis
    lean = (depth.mean() - depth.min()) / max(float(np.ptp(depth)), 1e-12) - 0.5
    if abs(lean) < EVEN:
        radius = ((pos - pos.mean(axis=0)) ** 2).sum(axis=1) - (depth - depth.mean()) ** 2
        lean = -((depth - depth.mean()) * radius).mean()
    if lean < 0:
        axis = -axis
    return np.asarray(normal * np.where(normal @ axis < 0, -1.0, 1.0)[:, None])


def oriented(points: Floats, normal: Floats, *, neighbors: int = 8) -> Floats:
    """Return normals of which neighbors have like signs, with shape ``(M, 3)``.

    Signs spread along a tree of the pairs of neighbors with the most parallel normals
    [Hoppe et al. 1992].

    Args:
        points: Coordinates, with shape ``(M, 3)``.
        normal: Unit normals of either sign, with shape ``(M, 3)``.
        neighbors: Number of neighbors of each point in the graph.
    """
    count = min(neighbors + 1, len(points))
    at = np.asarray(cKDTree(points).query(points, np.arange(1, count + 1))[1])
    row = np.repeat(np.arange(len(points)), count)
    column = at.ravel()
    cosine = np.abs(np.einsum("nc,nc->n", normal[row], normal[column]))
    other = row != column
    pairs = (row[other], column[other])
    cost = 1.001 - cosine[other]  # no edge costs zero, which would be none
    graph = coo_matrix((cost, pairs), shape=(len(points), len(points))).tocsr()
    tree = minimum_spanning_tree(graph)
    sign = np.zeros(len(points))
    while not sign.all():
        start = int(np.argmin(np.abs(sign)))
        sign[start] = 1
        order, before = breadth_first_order(tree, start, directed=False)
        for node in order[1:]:
            other = before[node]
            sign[node] = sign[other] * (1 if normal[node] @ normal[other] >= 0 else -1)
    return (normal * sign[:, None]).astype(np.float32)
