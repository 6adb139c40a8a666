"""Geometry-aware sampling: points where the surface changes are kept more densely.

The first step of IMRNet [Li et al., CVPR 2024].  The change at a point is how much normals and
curvatures of its neighbors differ from its own.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.geometry.neighbors import farthest_points, nearest
from gmanet.geometry.pca import principal_axes

__all__ = ["aware_points", "surface_change"]

NEIGHBORS = 24
"""Nearest points that tell the normal, the curvature and their change."""

CHANGING = 0.25
"""Share of the points that count as the changing region."""


def surface_change(pos: Floats, neighbors: Indices) -> Floats:
    """Return how normals and curvatures change around points, with shape ``(N,)``, no unit.

    It is the sum of two means over the neighbors, each in units of its mean over the cloud: of the
    squared sine between normals, which no sign of theirs changes, and of the absolute difference of
    surface variations.  A plane has 0.

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

    The region is the quarter of the points with the largest change.  It and the rest are each
    covered by farthest point sampling; if one has too few points, the other gives more.  A share of
    a quarter samples both alike.  The file's order of points decides nothing, up to ties.

    Args:
        pos: Points, with shape ``(N, 3)``.
        count: Points to keep.
        share: Share of them in the changing region.
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
