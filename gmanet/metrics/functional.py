r"""Areas under curves for any finite scores: negative, huge or tied.

Every distinct score is a threshold, which points with equal scores pass together.  Sorting once
gives the counts of true and false positives at all thresholds, from which follow

* AUROC, the area under the true over the false positive rate by the trapezoidal rule,
* average precision, :math:`\sum_k (R_k - R_{k-1}) P_k` with recall R and precision P, and
* AUPRO, in which abnormal regions instead of abnormal points have equal weight (Bergmann et al.,
  The MVTec 3D-AD Dataset, VISAPP 2022, section 4).

The first two are the paper's measures at object and point level (section V-B).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from gmanet.cloud import Indices, Labels

__all__ = ["aupro", "auroc", "average_precision", "regions"]

Numbers = npt.NDArray[np.floating[Any]]

REACH = 3.0
"""Largest distance of adjacent abnormal points of one region, in spacings."""

PROBES = 4096
"""Number of points from which a cloud's spacing is estimated."""


def auroc(score: npt.ArrayLike, label: npt.ArrayLike) -> float:
    """Return the area under the receiver operating characteristic; NaN if a class is missing.

    Args:
        score: Higher is more abnormal, with shape ``(N,)``.
        label: True (or 1) where abnormal, with shape ``(N,)``.

    Raises:
        ValueError: A score is not finite, a label is not 0 or 1, or the lengths differ.
    """
    values, abnormal = _checked(score, label)
    if _one_class(abnormal):
        return float("nan")
    return _area(*_rates(values, abnormal, weight=abnormal.astype(np.float64)))


def average_precision(score: npt.ArrayLike, label: npt.ArrayLike) -> float:
    """Return the average precision (the paper's AUPR); NaN if a class is missing.

    The average precision is the sum over thresholds of precision times increase of recall.  The
    trapezoidal rule would be too optimistic, because precision is not linear between thresholds.

    Args:
        score: Higher is more abnormal, with shape ``(N,)``.
        label: True (or 1) where abnormal, with shape ``(N,)``.

    Raises:
        ValueError: A score is not finite, a label is not 0 or 1, or the lengths differ.
    """
    values, abnormal = _checked(score, label)
    if _one_class(abnormal):
        return float("nan")
    order, last = _thresholds(values)
    found = np.cumsum(abnormal[order])[last]
    precision = found / (last + 1)
    return float(np.diff(found, prepend=0) @ precision / found[-1])


def aupro(
    scores: Sequence[npt.ArrayLike], parts: Sequence[Indices], *, limit: float = 0.3
) -> float:
    """Return the area under the per-region overlap curve; NaN if a class is missing.

    The overlap of a region is the share of its points above the threshold.  The curve is the mean
    overlap over the regions of all clouds against the false positive rate over the normal points
    of all clouds; its area up to ``limit`` is divided by ``limit``, so that 1 is perfect.

    Args:
        scores: One array with shape ``(N,)`` per cloud, higher is more abnormal.
        parts: Regions of each cloud (:func:`regions`), with shape ``(N,)``.
        limit: False positive rate, above 0 and at most 1, at which the area ends.

    Raises:
        ValueError: A score is not finite, lengths differ, or the limit is outside (0, 1].
    """
    if not 0 < limit <= 1:
        raise ValueError(f"limit {limit}, wanted a rate above 0 and at most 1")
    pairs = [_checked(score, part >= 0) for score, part in zip(scores, parts, strict=True)]
    if not pairs:
        return float("nan")
    values = np.concatenate([value for value, _ in pairs])
    abnormal = np.concatenate([label for _, label in pairs])
    if _one_class(abnormal):
        return float("nan")
    return _area(
        *_rates(values, abnormal, weight=np.concatenate([_shares(part) for part in parts])), limit
    )


def regions(pos: npt.ArrayLike, label: npt.ArrayLike) -> Indices:
    """Return each point's region, with shape ``(N,)``: 0, 1, … for abnormal points, -1 for normal.

    Regions are the connected components of the abnormal points; two points are connected if their
    distance is at most three times the cloud's median nearest-neighbor spacing.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        label: True (or 1) where abnormal, with shape ``(N,)``.

    Raises:
        ValueError: A coordinate is not finite, or the numbers of coordinates and labels differ.
    """
    place, abnormal = np.asarray(pos, dtype=np.float64), np.asarray(label, dtype=bool)
    if place.shape != (len(abnormal), 3):
        raise ValueError(f"{len(abnormal)} labels for coordinates of shape {place.shape}")
    if not np.isfinite(place).all():
        raise ValueError("a coordinate is not finite")
    region = np.full(len(abnormal), -1, dtype=np.int64)
    where = np.flatnonzero(abnormal)
    if len(where):
        pairs = KDTree(place[where]).query_pairs(REACH * _spacing(place), output_type="ndarray")
        links = coo_array((np.ones(len(pairs), dtype=bool), pairs.T), shape=(len(where),) * 2)
        region[where] = connected_components(links, directed=False)[1]
    return region


def _checked(score: npt.ArrayLike, label: npt.ArrayLike) -> tuple[Numbers, Labels]:
    values, marks = np.asarray(score), np.asarray(label)
    if values.ndim != 1 or values.shape != marks.shape:
        raise ValueError(f"scores of shape {values.shape} and labels of shape {marks.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} scores are not finite")
    abnormal = marks.astype(bool)
    if (abnormal != marks).any():
        raise ValueError("labels other than 0 and 1")
    return values, abnormal


def _one_class(abnormal: Labels) -> bool:
    return not abnormal.any() or bool(abnormal.all())


def _thresholds(values: Numbers) -> tuple[Indices, Indices]:
    """Return the order by decreasing score, and the last index of every distinct score in it."""
    order = np.argsort(values)[::-1]
    ranked = values[order]
    return order, np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)


def _rates(values: Numbers, abnormal: Labels, *, weight: Numbers) -> tuple[Numbers, Numbers]:
    """Return false positive rate and weighted hit rate at every threshold, both from 0 to 1."""
    order, last = _thresholds(values)
    false = np.cumsum(~abnormal[order])[last]
    hits = np.cumsum(weight[order])[last]
    return np.append(0.0, false / false[-1]), np.append(0.0, hits / hits[-1])


def _area(rate: Numbers, height: Numbers, limit: float = 1.0) -> float:
    """Return the mean height of a piecewise linear curve up to ``limit``."""
    inside = int(np.searchsorted(rate, limit, side="right"))
    if inside < len(rate):
        share = (limit - rate[inside - 1]) / (rate[inside] - rate[inside - 1])
        end = height[inside - 1] + share * (height[inside] - height[inside - 1])
        rate, height = np.append(rate[:inside], limit), np.append(height[:inside], end)
    return float(np.diff(rate) @ (height[1:] + height[:-1]) / (2 * limit))


def _shares(region: Indices) -> Numbers:
    """Return each point's share of its region, 0 for normal points, with shape ``(N,)``."""
    sizes = np.bincount(region + 1)
    return np.where(region < 0, 0.0, 1.0 / sizes[region + 1])


def _spacing(pos: Numbers) -> float:
    """Return the median distance to the nearest point at another position."""
    tree = KDTree(pos, balanced_tree=False, compact_nodes=False)
    probes = pos[:: max(1, len(pos) // PROBES)]
    distance = np.asarray(tree.query(probes, k=list(range(1, min(9, len(pos)) + 1)))[0])
    nearest = np.where(distance > 0, distance, np.inf).min(axis=1)
    return float(np.median(nearest[np.isfinite(nearest)])) if np.isfinite(nearest).any() else 0.0
