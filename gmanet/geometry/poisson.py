"""A triangle mesh of a point cloud: screened Poisson reconstruction [Kazhdan and Hoppe 2013].

The reconstruction is the zero set of a function whose gradient follows the normals, so it needs
normals that agree on which side is outside; principal component analysis leaves their signs open.
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
"""Mesh farther from every input point than this many point spacings is extrapolated: cut away."""

SCALE = 1.5
"""Side of the solver's cube over that of the points: at Open3D's 1.1 its walls bend the surface.

Patches of 230 points a unit wide: a plane reads 0.4 to 1.0 at 1.1 but 0.02 to 0.07 at 1.5, and
a unit sphere 0.98 to 1.31 but 0.91 to 1.04.
"""

FEWEST = 4
"""Open3D crashes on fewer distinct points than a solid has corners."""


def poisson_mesh(
    pos: Floats, normal: Floats, *, depth: int = 6
) -> tuple[npt.NDArray[np.float64], Indices]:
    """Return vertices with shape ``(V, 3)`` and faces with shape ``(F, 3)``, near the points only.

    The same input gives the same mesh (one thread).  The mesh of an open surface is open; its
    boundary is where the reconstruction was cut off and has no meaning.  Fewer than four distinct
    points have no mesh: no vertices, no faces.

    Args:
        pos: Points, with shape ``(N, 3)``, in any unit.
        normal: Unit normals of consistent orientation, with shape ``(N, 3)``.
        depth: Depth of the octree: cells as small as the bounding cube over ``2 ** depth``; sparse
            points stop it earlier.

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
    """Return the mesh less its vertices beyond ``REACH`` point spacings and those in no face."""
    if not len(faces):
        return np.empty((0, 3)), np.empty((0, 3), dtype=np.int64)
    center = pos.mean(axis=0, dtype=np.float64)  # float32 far from the origin is too coarse
    near = (pos - center).astype(np.float32)
    spacing = np.median(nearest(near, near, count=2)[0][:, 1])
    distance = nearest(near, (vertices - center).astype(np.float32), count=1)[0][:, 0]
    trimmed = faces[(distance <= REACH * spacing)[faces].all(axis=1)]
    used, renumbered = np.unique(trimmed, return_inverse=True)
    return vertices[used], renumbered.reshape(-1, 3).astype(np.int64)


def outward(pos: Floats, normal: Floats, *, neighbors: Indices) -> Floats:
    """Return the normals with signs chosen so that they agree and point outward, ``(N, 3)``.

    Signs spread along a minimum spanning tree of the neighbor graph [Hoppe et al. 1992].  Two
    normals agree if one, mirrored along the edge between their points as on a circle's arc, meets
    the other [König and Gumhold 2009], which also holds across sharp edges.  An edge costs more
    the less they agree and the more it leaves the tangent plane.  In each connected piece the
    sign is then the one with positive ``sum n . (x - mean)``: by the divergence theorem that is
    three times the enclosed volume.

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
    """Return how edges' normals agree, in ``[-1, 1]``, and how far edges leave the surface."""
    along = pos[end] - pos[start]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    rise, fall = (np.einsum("ec,ec->e", normal[rows], along) for rows in (start, end))
    return np.einsum("ec,ec->e", normal[start], normal[end]) - 2 * rise * fall, np.abs(rise)


def _edge_costs(pos: Floats, normal: Floats, *, neighbors: Indices) -> coo_matrix:
    start = np.repeat(np.arange(len(pos)), neighbors.shape[1])
    end = neighbors.ravel()
    start, end = start[start != end], end[start != end]
    agreement, leave = _agreement(pos, normal, start=start, end=end)
    # SciPy reads a cost of zero as no edge
    cost = 1e-6 + (1 - np.abs(agreement)).clip(0) + leave
    return coo_matrix((cost, (start, end)), shape=(len(pos), len(pos)))


def _spread(pos: Floats, signed: Floats, *, order: Indices, parent: Indices) -> None:
    """Flip ``signed`` in place, from the tree's root on, wherever child and parent disagree."""
    child, above = order[1:], parent[order[1:]]
    disagree = _agreement(pos, signed, start=above, end=child)[0] < 0
    sign = {int(order[0]): 1}
    for point, before, flip in zip(child.tolist(), above.tolist(), disagree.tolist(), strict=True):
        sign[point] = -sign[before] if flip else sign[before]
    signed[order] *= np.array([sign[point] for point in order.tolist()], signed.dtype)[:, None]
