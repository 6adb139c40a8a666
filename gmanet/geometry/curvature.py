r"""How the surface bends: the curvature of geometric morphological analysis (Section IV.B).

``mean_curvature`` measures a mesh by the cotangent formula of Meyer et al. 2003,
``|H_i| = |sum_j (cot a_ij + cot b_ij)(x_i - x_j)| / (4 A_i)``.  ``quadric_curvature`` and
``surface_variation`` measure the points themselves.  Curvatures have the unit 1 / length of
``pos``: a sphere of radius ``r`` has ``1 / r``, a cylinder ``1 / (2 r)``, a plane 0.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Doubles, Floats, Indices, Labels
from gmanet.geometry.pca import principal_axes

__all__ = ["boundary", "mean_curvature", "quadric_curvature", "surface_variation"]


def mean_curvature(vertices: Doubles, faces: Indices) -> Doubles:
    """Return the absolute mean curvature of a mesh's vertices, with shape ``(V,)``, NaN at borders.

    Vertices of an open boundary, and those in no face, are NaN: their one-ring is no disc and the
    formula gives spikes there.

    Args:
        vertices: Positions, with shape ``(V, 3)``.
        faces: Vertex indices of the triangles, with shape ``(F, 3)``.
    """
    gradient = np.zeros((len(vertices), 3))
    area = np.zeros(len(vertices))
    for corner in range(3):
        at, left, right = (faces[:, (corner + shift) % 3] for shift in range(3))
        one, two = vertices[left] - vertices[at], vertices[right] - vertices[at]
        twice = np.linalg.norm(np.cross(one, two), axis=1)
        cotangent = np.einsum("fc,fc->f", one, two) / np.maximum(twice, 1e-300)
        pull = cotangent[:, None] * (vertices[left] - vertices[right])
        np.add.at(gradient, left, pull)
        np.add.at(gradient, right, -pull)
        np.add.at(area, at, twice / 6)  # a third of each triangle belongs to each of its corners
    inner = ~boundary(faces, len(vertices)) & (area > 0)
    curvature = np.full(len(vertices), np.nan)
    curvature[inner] = np.linalg.norm(gradient[inner], axis=1) / (4 * area[inner])
    return curvature


def boundary(faces: Indices, count: int) -> Labels:
    """Return True for vertices on an open boundary of a mesh, with shape ``(count,)``.

    A vertex is on the boundary if one of its edges belongs to a single triangle.

    Args:
        faces: Vertex indices of the triangles, with shape ``(F, 3)``.
        count: Number of vertices.
    """
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, uses = np.unique(edges, axis=0, return_counts=True)
    is_open = np.zeros(count, dtype=bool)
    is_open[unique[uses == 1].ravel()] = True
    return is_open


def surface_variation(pos: Floats, neighbors: Indices) -> Floats:
    """Return the share of the smallest principal variance of neighborhoods, with shape ``(N,)``.

    ``l0 / (l0 + l1 + l2)`` with ascending eigenvalues of the covariance: 0 on a plane, at most 1/3
    [Pauly et al. 2002].  It has no unit and grows with the square of curvature times radius.

    Args:
        pos: Points, with shape ``(N, 3)``.
        neighbors: Indices of each point's neighbors, with shape ``(N, K)``.
    """
    values, _ = principal_axes(pos, pos, neighbors=neighbors)
    total = np.maximum(values.sum(axis=1), np.finfo(np.float32).tiny)
    return np.asarray(values[:, 0] / total, dtype=np.float32)


def quadric_curvature(pos: Floats, query: Floats, *, neighbors: Indices) -> Floats:
    """Return the absolute mean curvature at points on the surface, ``(Q,)``, without any mesh.

    In the tangent frame of a query its neighbors are fitted by least squares with
    ``w = c0 + c1 u + c2 v + (a u^2 + 2 b u v + c v^2) / 2``; the mean curvature follows from the
    derivatives at the query.  Neighbors that lie on a line or coincide give 0.

    Args:
        pos: Points, with shape ``(N, 3)``.
        query: Positions on the surface, with shape ``(Q, 3)``.
        neighbors: Indices into ``pos``, with shape ``(Q, K)``; six determine the fit, ``K >= 12``
            keeps noise down.
    """
    _, axes = principal_axes(pos, query, neighbors=neighbors)
    offset = np.matmul(pos[neighbors] - query[:, None], axes).astype(np.float64)
    radius = np.maximum(np.abs(offset).max(axis=(1, 2)), 1e-30)
    w, v, u = np.moveaxis(offset / radius[:, None, None], 2, 0)
    terms = np.stack([np.ones_like(u), u, v, u * u / 2, u * v, v * v / 2], axis=1)  # (Q, 6, K)
    square = np.matmul(terms, terms.transpose(0, 2, 1)) + 1e-9 * np.eye(6)
    fitted = np.linalg.solve(square, np.matmul(terms, w[:, :, None]))[:, :, 0]
    _, du, dv, duu, duv, dvv = fitted.T
    bend = (1 + dv**2) * duu - 2 * du * dv * duv + (1 + du**2) * dvv
    curvature = np.abs(bend) / (2 * (1 + du**2 + dv**2) ** 1.5 * radius)
    return np.asarray(curvature, dtype=np.float32)
