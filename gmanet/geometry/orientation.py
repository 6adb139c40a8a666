"""Orientation of normals: neighbors get like signs."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from scipy.spatial import cKDTree

from gmanet.cloud import Floats

__all__ = ["oriented"]


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
