"""Places on the surface that registered normal clouds have in common, and the clouds' offsets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Floats
from gmanet.detectors.gmanet.common_surface.consensus import Consensus
from gmanet.geometry.neighbors import farthest_points
from gmanet.geometry.orientation import oriented

__all__ = ["make_consensus", "offsets_of"]

PLACES = 16384
"""Largest number of places."""

DRAWN_FROM = 16
"""Number of normal clouds from whose points the places are drawn."""

DRAWN = 65536
"""Number of points from which the places are drawn."""

REACH = 0.02
"""Largest distance of a place from the points of a cloud that covers it, in extents; at least
``SPACINGS`` times the spacing of the points."""

SPACINGS = 3.0

SAMPLED = 256
"""Number of points at which the spacing is measured."""

NEAREST = 4
"""Number of points over which the offset of a cloud is averaged."""


def make_consensus(clouds: Sequence[tuple[Floats, Floats] | None]) -> Consensus:
    """Return the consensus of registered normal clouds, with places on their mean surface.

    Args:
        clouds: Points and unit normals of each cloud, each with shape ``(P, 3)``, in extents of the
            target, in the order of farthest point sampling; None for a cloud that is left out.
    """
    some = [cloud for cloud in clouds if cloud is not None][:DRAWN_FROM]
    each = max(1, DRAWN // len(some))
    points = np.concatenate([part[:each] for part, _ in some])
    normal = np.concatenate([part[:each] for _, part in some])
    chosen = farthest_points(points, PLACES)
    points, normal = points[chosen], oriented(points[chosen], normal[chosen])
    offset = np.full((len(points), len(clouds)), np.nan, dtype=np.float32)
    for number, cloud in enumerate(clouds):
        if cloud is not None:
            offset[:, number] = offsets_of(cloud, points, normal=normal)
    known = np.isfinite(offset).sum(axis=1) >= min(2, len(some))
    points, normal, offset = points[known], normal[known], offset[known]
    mean = np.nanmean(offset, axis=1, keepdims=True)
    return Consensus.of(points + mean * normal, normal, offset=offset - mean)


def offsets_of(cloud: tuple[Floats, Floats], points: Floats, *, normal: Floats) -> Floats:
    """Return the offsets of one cloud at places, NaN where it does not cover a place, ``(M,)``.

    Args:
        cloud: Points and unit normals of the cloud, each with shape ``(P, 3)``.
        points: Coordinates of the places, with shape ``(M, 3)``.
        normal: Unit normals of the places, with shape ``(M, 3)``.
    """
    tree = cKDTree(cloud[0])
    spacing = np.median(np.asarray(tree.query(cloud[0][:SAMPLED], [2])[0]))
    count = np.arange(1, min(NEAREST, len(cloud[0])) + 1)
    reach, at = (np.asarray(part) for part in tree.query(points, count))
    other = cloud[1][at]
    facing = np.einsum("mc,mkc->mk", normal, other)
    direction = (normal[:, None] + np.where(facing < 0, -1, 1)[:, :, None] * other) / 2
    height = np.einsum("mkc,mkc->mk", cloud[0][at] - points[:, None], direction)
    weight = (reach < max(REACH, SPACINGS * spacing)) * (np.abs(facing) > 0.5)
    total = weight.sum(axis=1)
    mean = (weight * height).sum(axis=1) / np.maximum(total, 1)
    return np.where(total > 0, mean, np.nan).astype(np.float32)
