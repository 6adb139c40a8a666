"""A triangle mesh of a point cloud: screened Poisson reconstruction [Kazhdan and Hoppe 2013].

The reconstruction is the zero set of a function whose gradient follows the normals.  It needs
consistently oriented normals, while principal component analysis leaves their signs open.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from gmanet.cloud import Floats, Indices
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.open3d import load_open3d

__all__ = ["outward", "poisson_mesh"]

REACH = 3.0
"""Largest distance of the mesh from the nearest input point, in point spacings.

Mesh beyond it is extrapolated and removed.
"""

SCALE = 1.5
"""Ratio of the side of the solver's cube to the side of the points' bounding cube.

At Open3D's default of 1.1 the walls of the cube bend the surface.  On patches of 230 points with a
width of 1, the measured curvature of a plane (0) is 0.4 to 1.0 at a ratio of 1.1 and 0.02 to 0.07
at 1.5; that of a unit sphere (1) is 0.98 to 1.31 at 1.1 and 0.91 to 1.04 at 1.5.
"""

DEPTH = 4
"""Depth of the octree, with cells about as wide as the point spacing of 100 to 250 points.

Finer cells mesh the noise, and take four times as long.  On the patches of ``SCALE``, with noise of
0.3 % of the width, the measured curvature of a plane (0) is 0.2 to 0.3 at a depth of 4 and 0.6 to
0.8 at 6, that of a unit cylinder (0.5) 0.50 to 0.56 and 0.64 to 0.76.
"""

FEWEST = 4
"""Least number of distinct points; Open3D crashes on fewer."""


def poisson_mesh(
    pos: Floats, normal: Floats, *, depth: int = DEPTH
) -> tuple[npt.NDArray[np.float64], Indices]:
    """Return vertices with shape ``(V, 3)`` and faces with shape ``(F, 3)``, near the points only.

    The result is deterministic (one thread).  The mesh of an open surface is open; its boundary is
    an artifact of the cut at ``REACH``.  Fewer than four distinct points give an empty mesh.

    Args:
        pos: Points, with shape ``(N, 3)``, in any unit.
        normal: Unit normals of consistent orientation, with shape ``(N, 3)``.
        depth: Depth of the octree: the smallest cells have the edge of the bounding cube divided by
            ``2 ** depth``; where points are sparse, cells are larger.

    Raises:
        InputError: Open3D cannot be loaded.
    """
    open3d = load_open3d()
    if len(np.unique(pos, axis=0)) < FEWEST:
        return np.empty((0, 3)), np.empty((0, 3), dtype=np.int64)
    vector = open3d.utility.Vector3dVector
    points = open3d.geometry.PointCloud(vector(pos.astype(np.float64)))
    points.normals = vector(normal.astype(np.float64))
    mesh, _ = open3d.geometry.TriangleMesh.create_from_point_cloud_poisson(
        points, depth=depth, scale=SCALE, n_threads=1
    )
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    faces = np.asarray(mesh.triangles, dtype=np.int64)
    return _near(vertices, faces, pos=pos)


def _near(
    vertices: npt.NDArray[np.float64], faces: Indices, *, pos: Floats
) -> tuple[npt.NDArray[np.float64], Indices]:
    """Return the mesh without vertices beyond ``REACH`` point spacings and unused vertices."""
    if not len(faces):
        return np.empty((0, 3)), np.empty((0, 3), dtype=np.int64)
    center = pos.mean(axis=0, dtype=np.float64)  # float32 is too coarse far from the origin
    near = (pos - center).astype(np.float32)
    spacing = np.median(nearest(near, near, count=2)[0][:, 1])
    distance = nearest(near, (vertices - center).astype(np.float32), count=1)[0][:, 0]
    trimmed = faces[(distance <= REACH * spacing)[faces].all(axis=1)]
    used, renumbered = np.unique(trimmed, return_inverse=True)
    return vertices[used], renumbered.reshape(-1, 3).astype(np.int64)


def outward(pos: Floats, normal: Floats, *, neighbors: Indices) -> Floats:
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
