"""Signed distances of points from a mesh, in its unit, positive outside."""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Doubles, Floats
from gmanet.geometry.open3d import load_open3d
from gmanet.nominal.mesh import TriangleMesh

__all__ = ["closest", "deviation_from_mesh", "open_note"]

ALONG = 0.99
"""Least cosine between the way to the closest point and the normal there: below it the closest
point lies on an edge, where the normal of one triangle does not tell the side."""

NEAREST = 1e-7
"""Distance, in sizes of the mesh, below which rounding decides the direction to the surface."""


def closest(mesh: TriangleMesh, pos: Doubles) -> tuple[Doubles, Doubles]:
    """Return the closest points of a mesh and the unit normals of their triangles.

    Args:
        mesh: The mesh.
        pos: Points in the coordinates of the mesh, with shape ``(N, 3)``.

    Returns:
        Points and normals, with shape ``(N, 3)`` each.
    """
    query = load_open3d().core.Tensor((pos - mesh.center).astype(np.float32))
    found = mesh.scene.compute_closest_points(query, nthreads=1)
    points = found["points"].numpy().astype(np.float64) + mesh.center
    faces = found["primitive_ids"].numpy().astype(np.int64)
    return points, mesh.crosses[faces] / (2 * mesh.areas[faces])[:, None]


def deviation_from_mesh(mesh: TriangleMesh, pos: Doubles | Floats) -> Doubles:
    """Return the signed distance of points from a mesh, positive outside, with shape ``(N,)``.

    The sign is that of the closest triangle's normal; where an edge is closest, rays decide.  The
    triangles of an open mesh decide alone: the sign is right where they face outward.  An open
    mesh whose triangles face different ways has no sides: all distances are positive then
    (:func:`open_note`).

    Args:
        mesh: The mesh.
        pos: Points in the coordinates and the unit of the mesh, with shape ``(N, 3)``.
    """
    pos = np.asarray(pos, dtype=np.float64)
    points, normal = closest(mesh, pos)
    gap = pos - points
    distance = np.linalg.norm(gap, axis=1)
    if not mesh.closed and not mesh.oriented:
        return np.asarray(distance)
    height = np.einsum("nc,nc->n", gap, normal)
    sign = np.where(height < 0, -1.0, 1.0)
    if mesh.closed:
        unsure = distance > NEAREST * mesh.size
        if mesh.oriented:
            unsure &= np.abs(height) < ALONG * distance
        sign[unsure] = np.where(mesh.inside(pos[unsure]), -1.0, 1.0)
    return np.asarray(sign * distance)


def open_note(mesh: TriangleMesh) -> str:
    """Return a sentence on the signs of deviations from an open mesh; empty for a closed one."""
    if mesh.closed:
        return ""
    if mesh.oriented:
        return (
            "the mesh is open: deviations are positive where its triangles face, which is outward "
            "in most files"
        )
    return (
        "the mesh is open, and its triangles face different ways: deviations have no sign; close "
        "it, or export it as a solid"
    )
