"""Normals and the shape of neighborhoods by principal component analysis."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles, Floats, Indices
from gmanet.geometry.jit import compiled, over_rows

__all__ = ["EIGEN", "eigen_features", "pca_normals", "principal_axes"]


EIGEN = 3
"""Channels of :func:`eigen_features`."""

FEWEST = 8
"""Least number of points that a normal is fitted to, even beyond the radius."""

BLOCK = 2**17
"""Number of neighbors in a block."""


def principal_axes(
    pos: Floats, query: Floats, *, neighbors: Indices, workers: int = 1
) -> tuple[Floats, Floats]:
    """Return eigenvalues (ascending) and eigenvectors of each neighborhood's covariance.

    The first eigenvector is the normal; its sign is arbitrary.

    Args:
        pos: Points, with shape ``(N, 3)``.
        query: Queries, with shape ``(Q, 3)``; coordinates are taken relative to them, which keeps
            precision far from the origin.
        neighbors: Indices into ``pos``, with shape ``(Q, K)``.
        workers: Threads.

    Returns:
        Eigenvalues with shape ``(Q, 3)``, eigenvectors as columns with shape ``(Q, 3, 3)``.
    """
    values = np.empty((len(query), 3), dtype=np.float32)
    vectors = np.empty((len(query), 3, 3), dtype=np.float32)
    arrays = [np.ascontiguousarray(part) for part in (pos, query)]
    neighbors = np.broadcast_to(neighbors, (len(query), neighbors.shape[1]))
    over_rows(_axes_of, len(query), workers, *arrays, neighbors, values, vectors)
    return values, vectors


@compiled
def _axes_of(
    pos: Floats,
    query: Floats,
    neighbors: Indices,
    values: Floats,
    vectors: Floats,
    first: int,
    last: int,
) -> None:
    covariance, axes = np.empty((3, 3)), np.empty((3, 3))
    for row in range(first, last):
        _covariance(pos, query[row], neighbors[row], covariance)
        _diagonalize(covariance, axes)
        for i in range(3):
            values[row, i] = max(covariance[i, i], 0.0)
            for j in range(3):
                vectors[row, j, i] = axes[j, i]


@compiled
def _covariance(pos: Floats, origin: Floats, neighbors: Indices, covariance: Doubles) -> None:
    """Fill in the upper triangle of the covariance of a neighborhood."""
    mean, offset, count = np.zeros(3), np.empty(3), len(neighbors)
    covariance[:] = 0
    for other in neighbors:
        for i in range(3):
            offset[i] = pos[other, i] - origin[i]
            mean[i] += offset[i]
        for i in range(3):
            for j in range(i, 3):
                covariance[i, j] += offset[i] * offset[j]
    for i in range(3):
        for j in range(i, 3):
            covariance[i, j] = covariance[i, j] / count - mean[i] * mean[j] / count**2


@compiled
def _diagonalize(matrix: Doubles, axes: Doubles) -> None:
    """Diagonalize a symmetric matrix in place by Jacobi's method.

    ``matrix`` then has ascending eigenvalues on its diagonal, ``axes`` the eigenvectors as columns.
    Only the upper triangle is read; equal eigenvalues cause no loss of precision.
    """
    axes[:] = np.eye(3)
    for _ in range(12):
        off = abs(matrix[0, 1]) + abs(matrix[0, 2]) + abs(matrix[1, 2])
        if off <= 1e-15 * (abs(matrix[0, 0]) + abs(matrix[1, 1]) + abs(matrix[2, 2])):
            break
        _rotate(matrix, axes, 0, 1, (0, 2), (1, 2))
        _rotate(matrix, axes, 0, 2, (0, 1), (1, 2))
        _rotate(matrix, axes, 1, 2, (0, 1), (0, 2))
    for i, j in ((0, 1), (1, 2), (0, 1)):
        if matrix[j, j] < matrix[i, i]:
            matrix[i, i], matrix[j, j] = matrix[j, j], matrix[i, i]
            for k in range(3):
                axes[k, i], axes[k, j] = axes[k, j], axes[k, i]


@compiled
def _rotate(
    matrix: Doubles, axes: Doubles, p: int, q: int, one: tuple[int, int], two: tuple[int, int]
) -> None:
    """Rotate rows and columns ``p`` and ``q`` so that element ``(p, q)`` becomes 0.

    ``one`` and ``two`` are the positions, in the upper triangle, of the elements that ``p`` and
    ``q`` have in common with the third row.
    """
    if matrix[p, q] == 0.0:
        return
    theta = (matrix[q, q] - matrix[p, p]) / (2.0 * matrix[p, q])
    tangent = 1.0 / (abs(theta) + np.sqrt(theta * theta + 1.0))
    tangent = -tangent if theta < 0 else tangent
    cosine = 1.0 / np.sqrt(tangent * tangent + 1.0)
    sine = tangent * cosine
    matrix[p, p] -= tangent * matrix[p, q]
    matrix[q, q] += tangent * matrix[p, q]
    matrix[p, q] = 0.0
    left, right = matrix[one], matrix[two]
    matrix[one], matrix[two] = cosine * left - sine * right, sine * left + cosine * right
    for i in range(3):
        left, right = axes[i, p], axes[i, q]
        axes[i, p], axes[i, q] = cosine * left - sine * right, sine * left + cosine * right


def eigen_features(values: Floats) -> Floats:
    """Return planarity, linearity and surface variation of ``(Q, 3)`` eigenvalues, ``(Q, 3)``.

    They are computed from the square roots of the eigenvalues, which are lengths.
    """
    low, middle, high = np.sqrt(values).T
    total = low + middle + high + 1e-12
    return np.stack([(middle - low) / total, (high - middle) / total, low / total], axis=1)


def pca_normals(pos: Floats, count: int, *, radius: float = np.inf) -> Floats:
    """Return unit normals by principal component analysis, with shape ``(N, 3)``.

    The analysis leaves the sign open; here normals point away from the centroid, so that
    descriptors that depend on the sign do not change when the part is rotated.

    Args:
        pos: Points, with shape ``(N, 3)``.
        count: Number of nearest points, the point itself included.
        radius: Largest distance of these points, in the unit of ``pos``; the nearest eight always
            count.
    """
    centered = pos - pos.mean(axis=0, dtype=np.float64)
    tree = cKDTree(centered)
    normal = np.empty((len(pos), 3))
    neighbors = np.arange(1, min(count, len(pos)) + 1)
    step = max(1, BLOCK // count)
    for start in range(0, len(pos), step):
        block = slice(start, start + step)
        distance, index = map(np.asarray, tree.query(centered[block], k=neighbors))
        weight = (distance < radius) | (np.arange(distance.shape[1]) < FEWEST)
        offset = (centered[index] - centered[block, None]) * weight[:, :, None]
        mean = offset.sum(axis=1) / weight.sum(axis=1)[:, None]
        offset = (offset - mean[:, None]) * weight[:, :, None]
        normal[block] = np.linalg.eigh(offset.transpose(0, 2, 1) @ offset)[1][:, :, 0]
    inward = np.einsum("nc,nc->n", normal, centered) < 0
    return np.where(inward[:, None], -normal, normal).astype(np.float32)
