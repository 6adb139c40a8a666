"""Normals and the shape of neighborhoods by principal component analysis."""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Floats, Indices

__all__ = ["EIGEN", "eigen_features", "principal_axes"]

EIGEN = 3
"""Channels of :func:`eigen_features`."""


def principal_axes(pos: Floats, query: Floats, neighbors: Indices) -> tuple[Floats, Floats]:
    """Return eigenvalues (ascending) and eigenvectors of each neighborhood's covariance.

    The first eigenvector is the normal; its sign is arbitrary.

    Args:
        pos: Points, with shape ``(N, 3)``.
        query: Places, with shape ``(Q, 3)``; coordinates are taken relative to them, which keeps
            precision far from the origin.
        neighbors: Indices into ``pos``, with shape ``(Q, K)``.

    Returns:
        Eigenvalues with shape ``(Q, 3)``, eigenvectors as columns with shape ``(Q, 3, 3)``.
    """
    offset = pos[neighbors] - query[:, None]
    offset -= offset.mean(axis=1, keepdims=True)
    covariance = np.matmul(offset.transpose(0, 2, 1), offset) / neighbors.shape[1]
    values, vectors = np.linalg.eigh(covariance.astype(np.float64))
    return np.maximum(values, 0).astype(np.float32), vectors.astype(np.float32)


def eigen_features(values: Floats) -> Floats:
    """Return planarity, linearity and surface variation of ``(Q, 3)`` eigenvalues, ``(Q, 3)``.

    Roots of the eigenvalues are used, so that all three grow in proportion to lengths.
    """
    low, middle, high = np.sqrt(values).T
    total = low + middle + high + 1e-12
    return np.stack([(middle - low) / total, (high - middle) / total, low / total], axis=1)
