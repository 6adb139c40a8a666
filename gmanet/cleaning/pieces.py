"""Pieces of a scan, and which of them belong to the part.

Pieces are groups of points with gaps between them that are far larger than the distances between
neighbors.  The largest piece by area is the part.  Another piece belongs to the part if it is a
surface, and not a volume of points, and

- lies within the convex hull of the largest, or
- is close to it.  A part that is seen from one side appears in pieces, because parts of it hide
  others; then a third of its size is close.  Whether it is seen from one side is tested by
  hidden-point removal.

Small pieces are part of it only next to the largest.  All others, such as clamps, dust, clusters of
flying points and reflections, are beside the part.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, QhullError, cKDTree

from gmanet.cleaning.octree import octree_sample
from gmanet.cloud import Doubles, Floats, Indices, Labels, robust_size
from gmanet.geometry.visibility import directions, visible

__all__ = ["largest_piece", "own_pieces"]

GAP, LEAST_GAP = 6.0, 0.01
"""Gap between pieces, in median distances between neighbors; at least this share of the size."""
SOME = 2000
"""Number of points that determine the distance between neighbors, and the side that is seen."""
PATCH = 8
"""Least number of cells of a piece that is not small."""
NEXT = 2.5
"""Distance, in gaps, of a piece next to the largest one."""
CLOSE = 0.35
"""Distance, in sizes of the part, of a close piece of a part that is seen from one side."""
SLACK = 0.05
"""Distance from the hull up to which a point is inside, in sizes of the part."""
LOOKS, SEEN = 14, 0.8
"""Number of directions, and share of a one-sided scan that is visible from one of them."""
AROUND, PROBED = 12, 300
"""Number of neighbors that tell surfaces from volumes, and of points of a piece with neighbors."""
THICK, VOLUME = 2.5, 0.25
"""Thickness of a volume of points, in that of the part's surface and in its width, at least.

A ball of points has .4, a surface less than .1.
"""


def own_pieces(pos: Floats) -> Labels:
    """Return True for points of the pieces that belong to the part, with shape ``(N,)``.

    Args:
        pos: Coordinates without single outliers, with shape ``(N, 3)``.
    """
    everything = np.ones(len(pos), np.bool_)
    size = robust_size(pos)
    some = pos[:: max(1, len(pos) // SOME)]
    spacing = float(np.median(cKDTree(pos).query(some, [2])[0]))
    edge = max(GAP * spacing, LEAST_GAP * size)
    if not edge > 0:
        return everything
    cells, which = np.unique(_cells(pos, edge), axis=0, return_inverse=True)
    which, piece = which.ravel(), _connected(cells)
    area = np.bincount(piece)
    if len(area) == 1:
        return everything
    largest = int(np.argmax(area))
    centers = cells.astype(np.float64) * edge
    main = centers[piece == largest]
    inside = _inside(main, centers, slack=SLACK * size)
    away = np.asarray(cKDTree(main).query(centers)[0])
    largest_points = pos[piece[which] == largest]
    limit = CLOSE * size if _one_sided(largest_points) else NEXT * edge
    thick = max(THICK * _thickness(largest_points), VOLUME)
    own = np.zeros(len(area), np.bool_)
    own[largest] = True
    for one in np.flatnonzero(~own):
        mine = piece == one
        next_to = away[mine].min() <= NEXT * edge
        if area[one] < PATCH:
            own[one] = next_to
        elif next_to or away[mine].min() <= limit or inside[mine].mean() > 0.5:
            own[one] = _thickness(pos[piece[which] == one]) <= thick
    return own[piece][which]


def _one_sided(pos: Floats) -> bool:
    """Return whether most of a piece is visible from one direction."""
    cell = float(np.ptp(pos, axis=0).max()) / 40
    points = pos[octree_sample(pos, cell)][:SOME] if cell > 0 else pos[:SOME]
    if len(points) < PATCH:
        return True
    try:
        return any(visible(points, one).mean() >= SEEN for one in directions(LOOKS))
    except (QhullError, ValueError):
        return True


def _thickness(pos: Floats) -> float:
    """Return the median thickness of neighborhoods relative to their width; 0 for few points."""
    if len(pos) <= AROUND:
        return 0.0
    probed = pos[:: max(1, len(pos) // PROBED)]
    near = pos[cKDTree(pos).query(probed, AROUND)[1]].astype(np.float64)
    near -= near.mean(axis=1, keepdims=True)
    values = np.linalg.eigvalsh(np.einsum("nki,nkj->nij", near, near)).clip(min=0)
    width = np.where(values[:, 2] > 0, values[:, 2], 1)
    return float(np.median(np.sqrt(values[:, 0] / width)))


def largest_piece(pos: Doubles, edge: float) -> Indices:
    """Return the indices of the points of the largest piece, by number of points.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        edge: Edge of the cells; points in cells that touch are connected.
    """
    cells, which = np.unique(_cells(pos, edge), axis=0, return_inverse=True)
    piece = _connected(cells)[which.ravel()]
    return np.asarray(np.flatnonzero(piece == np.argmax(np.bincount(piece))))


def _cells(pos: npt.NDArray[np.floating], edge: float) -> Indices:
    """Return the cell of each point in a grid, with shape ``(N, 3)``."""
    return np.asarray(np.floor((pos - pos.min(axis=0)) / edge), np.int64)


def _connected(cells: Indices) -> npt.NDArray[np.int32]:
    """Return the piece of each of several distinct cells; the 26 cells around one are connected."""
    shape = cells.max(axis=0) + 3
    key = (cells[:, 0] * shape[1] + cells[:, 1]) * shape[2] + cells[:, 2]
    order = np.argsort(key)
    pairs = []
    for step in product((-1, 0, 1), repeat=3):
        other = (step[0] * shape[1] + step[1]) * shape[2] + step[2]
        if other > 0:
            at = np.searchsorted(key[order], key + other).clip(max=len(key) - 1)
            hit = key[order[at]] == key + other
            pairs.append(np.stack([np.flatnonzero(hit), order[at[hit]]]))
    first, second = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(len(cells), len(cells)))
    found: npt.NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return found


def _inside(main: Doubles, points: Doubles, *, slack: float) -> Labels:
    """Return True for points within the convex hull of others, widened by ``slack``."""
    try:
        hull = ConvexHull(main, qhull_options="QJ")
    except (QhullError, ValueError):
        return np.zeros(len(points), np.bool_)
    return np.asarray(
        (points @ hull.equations[:, :3].T + hull.equations[:, 3] <= slack).all(axis=1)
    )
