"""A triangle mesh of a point cloud: screened Poisson reconstruction [Kazhdan and Hoppe 2013].

The reconstruction is the zero set of a function whose gradient follows the normals.  It needs
normals with consistent signs (``geometry.consistent_normals``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Floats, Indices
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.open3d import load_open3d

__all__ = ["poisson_mesh"]

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
