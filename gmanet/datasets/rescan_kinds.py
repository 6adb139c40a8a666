"""Kinds of benign differences between two scans of the same part, each a function of a cloud.

A kind either changes or adds points (``CHANGES``) or leaves points out (``REMOVALS``).  Labels and
normals stay with the points, and all kinds but ``pose`` keep the coordinate frame.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from gmanet.cloud import Cloud, Doubles, Floats, Labels
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.se3 import moved, rigid, rotated

__all__ = ["CHANGES", "KINDS", "REMOVALS", "noise_of"]

NOISE = 2.0
"""Noise of a ``noise2`` cloud, in units of the noise of the cloud itself."""
OUTLIERS = 0.005
"""Number of flying points that ``outliers`` adds, as a fraction of the number of points."""
REACH = 0.6
"""Radius of the ball of flying points around the middle of the part, in diameters of the part."""
SPARSEST = 0.15
"""Fraction of the points that ``density`` leaves at the sparse end of the part."""
HOLE = 0.1
"""Fraction of the points in the ball that ``hole`` removes."""
SIDE = 0.25
"""Fraction of the points, all on one side of the part, that ``side`` removes."""
STEP = 0.0005
"""Step of the coordinates of a ``quantized`` cloud, in diameters of the part."""
SHIFT = 0.5
"""Largest translation of a ``pose`` cloud along each axis, in diameters of the part."""
NEIGHBORS = 12
"""Number of points to which a local plane is fitted."""
PROBES = 2048
"""Largest number of points at which the noise is measured."""


def noise_of(pos: Floats) -> float:
    r"""Return the standard deviation of the heights of points over local planes.

    The smallest eigenvalue of the covariance of ``k`` neighbors on a plane is distributed as
    :math:`\sigma^2 / k` times chi-squared with ``k - 3`` degrees of freedom.  The lowest decile of
    the eigenvalues is compared with that of this distribution, since it belongs to flat surface
    even on parts that are mostly threaded, where the median is several times the noise.

    Args:
        pos: Points, with shape ``(N, 3)``.

    Returns:
        The standard deviation in the unit of ``pos``.
    """
    rows = np.linspace(0, len(pos) - 1, min(len(pos), PROBES)).astype(np.int64)
    around = nearest(pos, pos[rows], count=NEIGHBORS)[1]
    least = principal_axes(pos, pos[rows], neighbors=around)[0][:, 0].astype(np.float64)
    part = 2 / (9 * (NEIGHBORS - 3))  # Wilson and Hilferty's quantile of chi-squared
    expected = (NEIGHBORS - 3) * (1 - part - 1.2816 * np.sqrt(part)) ** 3
    return float(np.sqrt(np.quantile(least, 0.1) * NEIGHBORS / expected))


def _clean(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    return cloud


def _noise(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Add isotropic noise, so that the noise of the cloud is multiplied by ``NOISE``."""
    added = np.sqrt(NOISE**2 - 1) * noise_of(cloud.pos)
    return _at(cloud, cloud.pos + rng.normal(0.0, added, cloud.pos.shape))


def _outliers(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Insert flying points, labeled normal and uniform in a ball, at random rows."""
    count = max(1, round(OUTLIERS * len(cloud)))
    away = _directions(rng, count)
    radius = REACH * cloud.diameter * np.cbrt(rng.random((count, 1)))
    middle = (cloud.pos.min(axis=0) + cloud.pos.max(axis=0)).astype(np.float64) / 2
    flying, rows = middle + radius * away, rng.integers(0, len(cloud) + 1, count)
    label, normal = cloud.label, cloud.normal
    return cloud.replace(
        pos=np.insert(cloud.pos, rows, flying.astype(np.float32), axis=0),
        label=None if label is None else np.insert(label, rows, False),
        normal=None if normal is None else np.insert(normal, rows, away, axis=0),
    )


def _quantized(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Round the coordinates to ``STEP`` times the diameter, 50 µm for a part of 100 mm."""
    step = STEP * cloud.diameter
    return _at(cloud, np.rint(cloud.pos / step) * step)


def _pose(cloud: Cloud, rng: np.random.Generator) -> Cloud:
    """Rotate the cloud about its centroid, uniformly in SO(3), and translate it."""
    center = cloud.pos.mean(axis=0, dtype=np.float64)
    motion = rigid(Rotation.from_quat(rng.normal(size=4)).as_matrix(), center)
    motion[:3, 3] += rng.uniform(-SHIFT, SHIFT, 3) * cloud.diameter
    rotated_cloud = _at(cloud, moved(motion, cloud.pos - center))
    if cloud.normal is None:
        return rotated_cloud
    return rotated_cloud.replace(normal=rotated(motion, cloud.normal).astype(np.float32))


def _at(cloud: Cloud, pos: Doubles) -> Cloud:
    """Return the cloud with these coordinates of its points."""
    return cloud.replace(pos=pos.astype(np.float32))


def _half(pos: Floats, rng: np.random.Generator) -> Labels:
    return _share(len(pos), 1 / 2, rng)


def _fifth(pos: Floats, rng: np.random.Generator) -> Labels:
    return _share(len(pos), 1 / 5, rng)


def _share(count: int, share: float, rng: np.random.Generator) -> Labels:
    kept = np.zeros(count, np.bool_)
    kept[rng.choice(count, round(share * count), replace=False)] = True
    return kept


def _density(pos: Floats, rng: np.random.Generator) -> Labels:
    """Keep a fraction of the points that falls along a random axis, from 1 to ``SPARSEST``."""
    along = pos @ _directions(rng, 1)[0]
    part = (along - along.min()) / np.ptp(along)
    return np.asarray(rng.random(len(pos)) < 1 - (1 - SPARSEST) * part)


def _hole(pos: Floats, rng: np.random.Generator) -> Labels:
    """Remove the points of a ball around a random point."""
    away = np.linalg.norm(pos - pos[rng.integers(len(pos))], axis=1)
    return _without_first(away, HOLE)


def _side(pos: Floats, rng: np.random.Generator) -> Labels:
    """Remove the points of one side, in a random direction."""
    return _without_first(pos @ _directions(rng, 1)[0], SIDE)


def _without_first(value: npt.NDArray[np.floating], share: float) -> Labels:
    kept = np.ones(len(value), np.bool_)
    kept[np.argsort(value, kind="stable")[: round(share * len(value))]] = False
    return kept


def _directions(rng: np.random.Generator, count: int) -> Doubles:
    """Return random unit vectors, with shape ``(count, 3)``."""
    found = rng.normal(size=(count, 3))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


CHANGES: dict[str, Callable[[Cloud, np.random.Generator], Cloud]] = {
    "clean": _clean,
    "noise2": _noise,
    "outliers": _outliers,
    "quantized": _quantized,
    "pose": _pose,
}
"""Kind -> function of a cloud and a generator that returns the cloud with all of its points."""

REMOVALS: dict[str, Callable[[Floats, np.random.Generator], Labels]] = {
    "half": _half,
    "fifth": _fifth,
    "density": _density,
    "hole": _hole,
    "side": _side,
}
"""Kind -> function of coordinates ``(N, 3)`` and a generator: whether a point is kept, ``(N,)``."""

KINDS = (
    *("clean", "noise2", "half", "fifth", "outliers", "density", "hole", "side", "quantized"),
    "pose",
)
"""All kinds, in the order of tables."""
