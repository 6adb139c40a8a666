"""Normals for descriptors: principal component analysis, with a sign that no pose changes."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Floats

__all__ = ["pca_normals"]

FEWEST = 8
"""Points that a normal is fitted to, if need be from beyond the radius."""

BLOCK = 2**17
"""Neighbors that are looked at at once."""


def pca_normals(pos: Floats, count: int, radius: float = np.inf) -> Floats:
    """Return unit normals by principal component analysis, with shape ``(N, 3)``.

    Their sign, which the analysis leaves open and Open3D leaves to chance, points away from the
    centroid: descriptors that depend on it do not change when the part turns.

    Args:
        pos: Points, with shape ``(N, 3)``.
        count: Nearest points that count, with the point itself.
        radius: Only those closer than this, in the unit of ``pos``; but always the nearest eight.
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
