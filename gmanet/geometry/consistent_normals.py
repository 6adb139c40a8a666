"""Consistent signs of normals, outward: principal component analysis leaves them open.

Signs spread from neighbor to neighbor, so that thin rings and holes, whose normals do not point
away from the centroid, have consistent signs as well.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from gmanet.cloud import Floats, Indices

__all__ = ["consistent_normals"]


def consistent_normals(pos: Floats, normal: Floats, *, neighbors: Indices) -> Floats:
    """Return consistently oriented normals that point outward, with shape ``(N, 3)``.

    Signs propagate along a minimum spanning tree of the neighbor graph [Hoppe et al. 1992].  Two
    normals agree if the first, reflected along the edge between the points, is close to the second
    [König and Gumhold 2009]; this criterion also holds across sharp edges.  The cost of an edge
    increases with the disagreement of the normals and with the angle to the tangent plane.  In each
    connected component the sign with positive ``sum n . (x - mean)`` is chosen: by the divergence
    theorem the sum is proportional to the enclosed volume.

    Args:
        pos: Points, with shape ``(N, 3)``.
        normal: Unit normals of any sign, with shape ``(N, 3)``.
        neighbors: Indices of each point's neighbors, with shape ``(N, K)``.
    """
    tree = minimum_spanning_tree(_edge_costs(pos, normal, neighbors=neighbors))
    pieces, piece = connected_components(tree, directed=False)
    signed = normal.copy()
    for label in range(pieces):
        members = np.flatnonzero(piece == label)
        order, parent = breadth_first_order(tree, members[0], directed=False)
        _spread(pos, signed, order=order.astype(np.int64), parent=parent.astype(np.int64))
        offset = pos[members] - pos[members].mean(axis=0)
        if np.vdot(signed[members], offset) < 0:
            signed[members] *= -1
    return signed


def _agreement(
    pos: Floats, normal: Floats, *, start: Indices, end: Indices
) -> tuple[Floats, Floats]:
    """Return the agreement of edges' normals, in ``[-1, 1]``, and edges' slopes to the surface."""
    along = pos[end] - pos[start]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    rise, fall = (np.einsum("ec,ec->e", normal[rows], along) for rows in (start, end))
    return np.einsum("ec,ec->e", normal[start], normal[end]) - 2 * rise * fall, np.abs(rise)


def _edge_costs(pos: Floats, normal: Floats, *, neighbors: Indices) -> coo_matrix:
    start = np.repeat(np.arange(len(pos)), neighbors.shape[1])
    end = neighbors.ravel()
    start, end = start[start != end], end[start != end]
    agreement, leave = _agreement(pos, normal, start=start, end=end)
    # SciPy interprets a cost of zero as a missing edge.
    cost = 1e-6 + (1 - np.abs(agreement)).clip(0) + leave
    return coo_matrix((cost, (start, end)), shape=(len(pos), len(pos)))


def _spread(pos: Floats, signed: Floats, *, order: Indices, parent: Indices) -> None:
    """Flip ``signed`` in place where child and parent disagree, starting at the tree's root."""
    child, above = order[1:], parent[order[1:]]
    disagree = _agreement(pos, signed, start=above, end=child)[0] < 0
    sign = {int(order[0]): 1}
    for point, before, flip in zip(child.tolist(), above.tolist(), disagree.tolist(), strict=True):
        sign[point] = -sign[before] if flip else sign[before]
    signed[order] *= np.array([sign[point] for point in order.tolist()], signed.dtype)[:, None]
