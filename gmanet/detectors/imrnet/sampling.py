"""Geometry-aware sampling: points are sampled more densely where the surface changes.

This is the first step of IMRNet [Li et al., CVPR 2024].  The change at a point is the difference of
normals and curvatures between the point and its neighbors.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.geometry.neighbors import farthest_points, nearest
from gmanet.geometry.pca import principal_axes

__all__ = ["aware_points", "surface_change"]

NEIGHBORS = 24
"""Number of nearest points from which normal, curvature and their change are estimated."""

CHANGING = 0.25
"""Share of the points, those with the largest change, that are the changing region."""


def surface_change(pos: Floats, neighbors: Indices) -> Floats:
    """Return the change of normals and curvatures around points, with shape ``(N,)``, without unit.

    It is the sum of two means over the neighbors: of the squared sine of the angle between normals,
    which does not depend on their signs, and of the absolute difference of surface variations.
    Each mean is divided by its mean over the cloud.  The change of a plane is 0.

    Args:
        pos: Points, with shape ``(N, 3)``.
        neighbors: Indices of each point's neighbors, with shape ``(N, K)``.
    """
    values, axes = principal_axes(pos, pos, neighbors=neighbors)
    normal = axes[:, :, 0]
    cosine = np.einsum("nkc,nc->nk", normal[neighbors], normal)
    bend = np.clip(1 - cosine**2, 0, 1).mean(axis=1)
    variation = values[:, 0] / np.maximum(values.sum(axis=1), np.finfo(np.float32).tiny)
    step = np.abs(variation[neighbors] - variation[:, None]).mean(axis=1)
    parts = [part / max(float(part.mean(dtype=np.float64)), 1e-6) for part in (bend, step)]
    return np.asarray(parts[0] + parts[1], dtype=np.float32)


def aware_points(pos: Floats, count: int, *, share: float) -> Indices:
    """Return indices of ``min(count, N)`` points, ``share`` of them from the changing region.

    The changing region is the quarter of the points with the largest change.  Region and rest are
    each sampled by farthest point sampling; if one has too few points, the other gives more.  With
    a share of 0.25 both have the same density.  Up to ties, the result does not depend on the order
    of points in the file.

    Args:
        pos: Points, with shape ``(N, 3)``.
        count: Number of points to sample.
        share: Share of the sampled points in the changing region.
    """
    count = min(count, len(pos))
    change = surface_change(pos, nearest(pos, pos, count=NEIGHBORS)[1])
    changing = change > np.quantile(change, 1 - CHANGING)
    inside, outside = np.flatnonzero(changing), np.flatnonzero(~changing)
    quota = min(len(inside), max(round(share * count), count - len(outside)))
    chosen = [
        region[farthest_points(pos[region], number)]
        for region, number in ((inside, quota), (outside, count - quota))
        if number
    ]
    return np.concatenate(chosen)
