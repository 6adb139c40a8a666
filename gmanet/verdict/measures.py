"""Measures of a scan that do not depend on defects: size, number of points, noise, registration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Cloud, Doubles, Floats, Indices, robust_size
from gmanet.geometry.pca import principal_axes
from gmanet.registration.icp import NEAR, Registration, apply
from gmanet.registration.target import Target

__all__ = ["Fit", "Scan", "fit_of", "measure_scan", "sparser"]

SAMPLE = 4096
"""Largest number of points at which neighborhoods are measured."""

NEIGHBORS = 12
"""Number of nearest points in a neighborhood, the point itself included."""

FLAT = 0.1
"""Quantile of the heights over local planes that is taken as noise: higher ones measure edges and
threads."""

LONELY = 5.0
"""Least ratio of a flying point's mean distance to its neighbors to the median of all points."""

DENSE = 0.9
"""Quantile of the points' nearest-neighbor distances that is taken as their spacing."""

SPARSEST = 0.05
"""Share of the surface whose points are the farthest from one another, on which a scan is measured
as sparse: scans may be sparse on one side alone."""

COVERED = 2048
"""Number of points of the reference that are looked up in the scan."""

TRIALS, THICK = 300, 0.01
"""Number of planes through random triples of points, and the distance of points that count as on
the plane, as a share of the size."""

SEARCHED = 16384
"""Largest number of points of the scan among which they are looked up."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Measures of a scan alone, lengths in the unit of the scan.

    Args:
        points: Number of points.
        size: Size without outliers (:func:`gmanet.cloud.robust_size`).
        spacing: Distance between neighboring points.
        sparsest: Least mean distance of points to their neighbors on the sparsest twentieth of the
            surface, without flying points.
        noise: Height of points over local planes, on the flattest tenth of the surface.
        flying: Share of points that lie alone, far from all others.
        plane: Share of points within a hundredth of the size from one plane, the largest.
    """

    points: int
    size: float
    spacing: float
    sparsest: float
    noise: float
    flying: float
    plane: float


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a scan lies on the reference, a normal scan.

    Args:
        residual: Root mean square distance of the scan to the reference, as a share of its extent;
            infinite if no point lies near it.
        overlap: Share of the scan's points that lie near the reference.
        coverage: Share of the reference's points that the scan has points near to.
    """

    residual: float
    overlap: float
    coverage: float


def measure_scan(pos: Floats, *, seed: int = 0) -> Scan:
    """Return the measures of a scan alone.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        seed: Seed of the sample of points at which neighborhoods are measured.
    """
    centered = (pos - pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
    some = centered[_sample(len(pos), SAMPLE, seed=seed)]
    found = cKDTree(centered).query(some, k=np.arange(1, NEIGHBORS + 1))
    distance, neighbors = np.asarray(found[0]), np.asarray(found[1], dtype=np.int64)
    variance = np.asarray(principal_axes(centered, some, neighbors=neighbors)[0])[:, 0]
    reach = distance[:, 1:].mean(axis=1)
    return Scan(
        points=len(pos),
        size=robust_size(pos),
        spacing=float(np.quantile(distance[:, 1], DENSE)),
        sparsest=_sparsest(reach),
        noise=float(np.sqrt(np.quantile(variance, FLAT))),
        flying=float((reach > LONELY * np.median(reach)).mean()),
        plane=_largest_plane(some, THICK * robust_size(pos), seed=seed),
    )


def _sparsest(reach: Doubles) -> float:
    """Return the distance to neighbors beyond which points cover a share ``SPARSEST`` of a surface.

    Args:
        reach: Mean distance to neighbors of sampled points, ``(N,)``; a point's share of the
            surface is proportional to the square.
    """
    ascending = np.sort(reach[reach <= LONELY * np.median(reach)])
    area = np.cumsum(ascending**2)
    return float(ascending[np.searchsorted(area, (1 - SPARSEST) * area[-1])])


def fit_of(pos: Floats, found: Registration, *, target: Target, seed: int = 0) -> Fit:
    """Return how a registered scan lies on the reference.

    Args:
        pos: Coordinates of the scan, with shape ``(N, 3)``.
        found: Registration of the scan on the reference.
        target: The reference.
        seed: Seed of the sample of points of the scan.
    """
    placed = (apply(found, pos[_sample(len(pos), SEARCHED, seed=seed)]) - target.centroid).astype(
        np.float32
    ) / np.float32(target.length)
    tree = cKDTree(placed)
    away = np.asarray(tree.query(target.points[:COVERED])[0])
    some = placed[:: max(1, len(placed) // COVERED)]
    spacing = float(np.quantile(np.asarray(tree.query(some, k=[2])[0]), DENSE))
    return Fit(
        residual=found.inlier_rmse / target.length,
        overlap=found.overlap,
        coverage=float((away <= max(NEAR, 2 * spacing)).mean()),
    )


def sparser(clouds: Sequence[Cloud], share: float) -> tuple[float, float]:
    """Return the median spacing and the highest noise of clouds of which a share is kept.

    Args:
        clouds: The clouds.
        share: Share of the points that are kept.
    """
    rng = np.random.default_rng(0)
    found = [
        measure_scan(cloud.pos[rng.random(len(cloud)) < share] if share < 1 else cloud.pos)
        for cloud in clouds
    ]
    return float(np.median([each.spacing for each in found])), max(each.noise for each in found)


def _largest_plane(pos: Floats, near: float, *, seed: int) -> float:
    """Return the largest share of points near one plane, by planes through random triples.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        near: Largest distance from the plane.
        seed: Seed of the triples.
    """
    rng = np.random.default_rng(seed)
    some = pos[:: max(1, len(pos) // 1024)].astype(np.float64)
    first, second, third = some[rng.integers(len(some), size=(3, TRIALS))]
    normal = np.cross(second - first, third - first)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    height = np.abs(some @ normal.T - np.einsum("tk,tk->t", first, normal))
    return float((height < near).mean(axis=0)[(normal != 0).any(axis=1)].max(initial=0.0))


def _sample(points: int, count: int, *, seed: int) -> Indices:
    """Return sorted indices of a random sample of points, all of them if there are few."""
    if points <= count:
        return np.arange(points)
    return np.sort(np.random.default_rng(seed).choice(points, count, replace=False))
