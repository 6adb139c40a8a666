"""Rescans: a cloud as another scan of the same surface would show it.

A good part that is scanned with fewer points, more noise, gaps or flying points is still good.  A
detector that learns from normal clouds and twins both as they are and scanned again finds what the
part is, not how it was scanned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Cloud, Doubles, Floats, Labels
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.search.grid import grid_nearest

__all__ = ["Rescan", "draw_rescan", "draw_setting", "noise_of", "rescan"]

FEWEST = 256
"""Least number of points that a rescan keeps."""

NEIGHBORS = 12
"""Number of points that a plane is fitted to, to measure noise."""

MEASURED = 2000
"""Number of points at which noise is measured, about."""

FLATTEST = 0.1
"""Share of the neighborhoods, the flattest ones, that noise is measured at: the other ones are
curved, and threads would count as noise."""

CHI_SQUARED = 4.17
"""Tenth percentile of the chi-squared distribution with ``NEIGHBORS - 3`` degrees of freedom."""


@dataclass(frozen=True, kw_only=True)
class Rescan:
    """Conditions of a scan, relative to those of a cloud.

    Args:
        share: Share of the points that are kept.
        sparsest: Density at one end of the part, as a share of the density at the other end.
        hole: Share of the points that lie in a ball that is not measured.
        cut: Share of the points that lie on a side that is not measured.
        noise: Standard deviation of the added noise, in multiples of the cloud's noise.
        flying: Number of flying points, as a share of the points.
    """

    share: float = 1.0
    sparsest: float = 1.0
    hole: float = 0.0
    cut: float = 0.0
    noise: float = 0.0
    flying: float = 0.0


def draw_rescan(rng: np.random.Generator) -> Rescan:
    """Return random conditions; most change two or three things."""
    some = rng.random(6)
    return Rescan(
        share=_log_uniform(rng, 0.15) if some[0] < 0.6 else 1.0,
        sparsest=_log_uniform(rng, 0.1) if some[1] < 0.35 else 1.0,
        hole=float(rng.uniform(0, 0.12)) if some[2] < 0.35 else 0.0,
        cut=float(rng.uniform(0, 0.35)) if some[3] < 0.2 else 0.0,
        noise=float(rng.uniform(0, 2.5)) if some[4] < 0.6 else 0.0,
        flying=float(rng.uniform(0, 0.006)) if some[5] < 0.3 else 0.0,
    )


def draw_setting(rng: np.random.Generator, *, noisier: bool) -> Rescan:
    """Return random conditions in which all of the surface is measured.

    Args:
        rng: Draws the conditions.
        noisier: Whether there is more noise, in all nearly as much as is judged; the density
            is mostly kept.  If not, there are fewer points, evenly or towards one end of the part,
            or some that fly.
    """
    if noisier:
        share = _log_uniform(rng, 0.3) if rng.random() < 0.3 else 1.0
        return Rescan(share=share, noise=float(rng.uniform(0.75, 2.1)))
    kind, flies = rng.random(2)
    return Rescan(
        share=_log_uniform(rng, 0.2) if kind < 0.5 else 1.0,
        sparsest=_log_uniform(rng, 0.15) if 0.5 <= kind < 0.8 else 1.0,
        flying=float(rng.uniform(0.001, 0.006)) if flies < 0.3 or kind >= 0.8 else 0.0,
    )


def noise_of(pos: Floats) -> float:
    """Return the standard deviation of a cloud's noise, in the unit of the cloud.

    The noise is the height of points over planes that are fitted to the flattest neighborhoods.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    some = pos[:: max(1, len(pos) // MEASURED)]
    around = grid_nearest(pos, some, count=NEIGHBORS)[1]
    variance = np.quantile(principal_axes(pos, some, neighbors=around)[0][:, 0], FLATTEST)
    return float(np.sqrt(variance * NEIGHBORS / CHI_SQUARED))


def rescan(cloud: Cloud, how: Rescan, rng: np.random.Generator) -> Cloud:
    """Return a cloud as scanned again, in the same pose; labels stay with their points.

    Args:
        cloud: The cloud.
        how: The conditions.
        rng: Draws the points that are kept, the noise and the flying points.
    """
    kept = _kept(cloud.pos, how, rng)
    pos = cloud.pos[kept].astype(np.float64)
    label = None if cloud.label is None else cloud.label[kept]
    if how.noise:
        pos += rng.normal(scale=how.noise * noise_of(cloud.pos), size=pos.shape)
    if count := int(how.flying * len(pos)):
        pos = np.concatenate([pos, _flying(pos, count, rng)])
        label = None if label is None else np.append(label, np.zeros(count, dtype=bool))
    return cloud.replace(pos=pos.astype(np.float32), label=label, normal=None)


def _kept(pos: Floats, how: Rescan, rng: np.random.Generator) -> Labels:
    """Return which points are measured again, with shape ``(N,)``."""
    kept = rng.random(len(pos)) < how.share
    if how.sparsest < 1:
        height = pos @ _direction(rng)
        place = (height - height.min()) / max(float(np.ptp(height)), 1e-12)
        kept &= rng.random(len(pos)) < 1 - (1 - how.sparsest) * place
    if how.cut:
        height = pos @ _direction(rng)
        kept &= height <= np.quantile(height, 1 - how.cut)
    if how.hole:
        distance = np.linalg.norm(pos - pos[rng.integers(len(pos))], axis=1)
        kept &= distance > np.quantile(distance, how.hole)
    if kept.sum() < FEWEST:
        kept[rng.permutation(len(pos))[:FEWEST]] = True
    return np.asarray(kept)


def _flying(pos: Doubles, count: int, rng: np.random.Generator) -> Doubles:
    """Return flying points at 1 to 30 % of the extent from surface points, ``(count, 3)``."""
    start = pos[rng.integers(len(pos), size=count)]
    reach = np.ptp(pos, axis=0).max() * np.exp(rng.uniform(np.log(0.01), np.log(0.3), count))
    away = rng.normal(size=(count, 3))
    return np.asarray(start + away * (reach / np.linalg.norm(away, axis=1))[:, None])


def _direction(rng: np.random.Generator) -> Floats:
    vector = rng.normal(size=3)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def _log_uniform(rng: np.random.Generator, low: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), 0)))
