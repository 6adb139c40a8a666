"""The share of a part's surface that no view shows: holes, and the side on the table."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Floats
from gmanet.geometry.consistent_normals import consistent_normals
from gmanet.geometry.open3d import load_open3d
from gmanet.geometry.pca import principal_axes

__all__ = ["unseen_share"]

POINTS = 8_000
"""Largest number of points through which the closed surface is laid."""

NEIGHBORS = 16
"""Number of nearest points that give a point its normal."""

DEPTH = 7
"""Depth of the octree of the closed surface."""

REACH = 3.0
"""Largest distance of seen surface from the nearest point, in spacings of the points."""


def unseen_share(pos: Floats) -> float:
    """Return the share of a closed surface through the points that is far from all points.

    The surface is a Poisson reconstruction [Kazhdan and Hoppe 2013], which fills holes smoothly:
    the result is an estimate.  It is NaN where no surface is found.

    Args:
        pos: Fused points, with shape ``(N, 3)``.
    """
    some = np.random.default_rng(0).permutation(len(pos))[:POINTS]
    points = np.ascontiguousarray(pos[some] - pos.mean(axis=0, dtype=np.float64), np.float32)
    tree = cKDTree(points)
    distance, neighbors = map(np.asarray, tree.query(points, k=min(NEIGHBORS, len(points))))
    neighbors = neighbors.astype(np.int64)
    normal = principal_axes(points, points, neighbors=neighbors)[1][:, :, 0].astype(np.float32)
    normal = consistent_normals(points, normal, neighbors=neighbors)
    open3d = load_open3d()
    vector = open3d.utility.Vector3dVector
    cloud = open3d.geometry.PointCloud(vector(points.astype(np.float64)))
    cloud.normals = vector(normal.astype(np.float64))
    mesh, _ = open3d.geometry.TriangleMesh.create_from_point_cloud_poisson(
        cloud, depth=DEPTH, n_threads=1
    )
    corners = np.asarray(mesh.vertices)[np.asarray(mesh.triangles)]
    if not len(corners):
        return float("nan")
    first, second, third = corners.transpose(1, 0, 2)
    area = np.linalg.norm(np.cross(second - first, third - first), axis=1)
    away = np.asarray(tree.query(corners.mean(axis=1))[0])
    return float(area[away > REACH * np.median(distance[:, 1])].sum() / area.sum())
