"""Visibility of points from a viewpoint: hidden-point removal (Katz, Tal and Basri 2007).

With the viewpoint at the origin, a point ``p`` is mapped to ``p + 2 (R - |p|) p / |p|``.  The point
is visible if its image is on the convex hull of all images and the viewpoint.  The method needs
neither a surface nor normals.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, KDTree

from gmanet.cloud import Floats, Labels

__all__ = ["directions", "visible"]

AWAY = 10.0
"""Distance of the viewpoint from the middle of the points, in diagonals of the bounding box."""
RADIUS = 1000.0
"""Radius R, in distances of the farthest point from the viewpoint.

A larger radius tolerates more noise and reveals deeper hollows.  However, hidden points may then
count as visible if they are close behind a surface, in relation to the spacing of the points, such
as the back of a thin wall.
"""
DENSE = 20_000
"""Largest number of tested points; other points copy the result of the nearest tested point.

Noise is small relative to the spacing of the tested points.
"""


def visible(pos: Floats, direction: npt.NDArray[np.float64]) -> Labels:
    """Return True for points visible from a distant viewpoint, with shape ``(N,)``.

    Args:
        pos: Points in any order, with shape ``(N, 3)``.
        direction: Unit vector from the part to the viewpoint, with shape ``(3,)``.
    """
    low, high = pos.min(axis=0).astype(np.float64), pos.max(axis=0).astype(np.float64)
    eye = (low + high) / 2 + AWAY * np.linalg.norm(high - low) * direction
    if len(pos) <= DENSE:
        return _on_hull(pos.astype(np.float64) - eye)
    order = np.lexsort(pos.T)  # the choice does not depend on the order of the points
    chosen = np.random.default_rng(0).choice(order, DENSE, replace=False)
    seen = _on_hull(pos[chosen].astype(np.float64) - eye)
    return np.asarray(seen[KDTree(pos[chosen]).query(pos)[1]])


def directions(count: int) -> npt.NDArray[np.float64]:
    """Return unit vectors, evenly spaced on the sphere (Fibonacci's spiral), ``(count, 3)``."""
    step = np.arange(count)
    z = 1 - (2 * step + 1) / count
    angle = np.pi * (3 - np.sqrt(5)) * step
    flat = np.sqrt(1 - z**2)
    return np.column_stack([flat * np.cos(angle), flat * np.sin(angle), z])


def _on_hull(from_eye: npt.NDArray[np.float64]) -> Labels:
    distance = np.linalg.norm(from_eye, axis=1, keepdims=True)
    flipped = from_eye * (2 * RADIUS * distance.max() / distance - 1)
    hull = ConvexHull(np.vstack([flipped, np.zeros(3)]), qhull_options="QJ")
    seen = np.zeros(len(from_eye) + 1, np.bool_)
    seen[hull.vertices] = True
    return seen[:-1]
