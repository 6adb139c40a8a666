r"""Fast and robust ICP [Zhang, Yao and Deng, TPAMI 2021].

Distances :math:`d` between points and their nearest ones are not squared but go through Welsch's
function :math:`\psi_\nu(d) = 1 - \exp(-d^2 / 2 \nu^2)`, so that outliers and what only one cloud
shows count as little as they should.  :math:`\nu` starts at three medians of the first distances
and is halved down to :math:`\nu_{min}`, a share of the points' spacing.  Each step is a weighted
least squares problem; steps are accelerated by Anderson's method in the Lie algebra of motions, and
taken back where that raises the energy :math:`\sum \psi_\nu`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles
from gmanet.geometry.se3 import exp, inverse, log, moved, rigid_fit
from gmanet.turntable.anderson import Anderson

__all__ = ["FINEST", "Found", "Pairing", "PointPairs", "Schedule", "fricp"]

COARSEST = 3.0
"""Median distances of the start that make the first nu."""

FINEST = 1 / (3 * np.sqrt(3))
"""Share of the points' spacing that makes the last nu, as in the paper."""

MEMORY = 5
"""Number of earlier steps in Anderson's method."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How nu falls and when a search ends; lengths are in the unit of the points.

    Args:
        finest: The last nu.
        coarsest: The first nu; None for three medians of the distances at the start.
        settled: A nu is halved when points move by less than this share of it.
        still: At the last nu the search ends when points move by less than this share of their
            radius.
        most: Searches for nearest points at most.
    """

    finest: float
    coarsest: float | None = None
    settled: float = 0.01
    still: float = 3e-4
    most: int = 200


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """Where a search ended.

    Args:
        motion: Source to target, with shape ``(4, 4)``.
        steps: Searches for nearest points that it took.
        settled: Whether it ended by itself.
    """

    motion: Doubles
    steps: int
    settled: bool


class Pairing(Protocol):
    """How a source, in some pose, is compared with its target."""

    def distances(self, motion: Doubles) -> Doubles:
        """Return distances of the source's points, infinite for those without a partner, (N,)."""

    def improved(self, motion: Doubles, weight: Doubles) -> Doubles:
        """Return the motion of least weighted squares for the partners found last, (4, 4)."""


class PointPairs:
    """Points and their nearest ones: the distance is the one between both.

    Args:
        points: Of the source, with shape ``(N, 3)``.
        tree: Of the target's points.
    """

    def __init__(self, points: Doubles, tree: cKDTree) -> None:
        self.points, self.tree = points, tree
        self._partner = points

    def distances(self, motion: Doubles) -> Doubles:
        """Return distances to nearest points, with shape ``(N,)``."""
        distance, index = self.tree.query(moved(motion, self.points))
        self._partner = self.tree.data[index]
        return np.asarray(distance)

    def improved(self, motion: Doubles, weight: Doubles) -> Doubles:
        """Return the motion of least squares, whatever the one before."""
        return rigid_fit(self.points, self._partner, weight=weight)


def fricp(pairs: Pairing, start: Doubles, *, radius: float, schedule: Schedule) -> Found:
    """Return the motion that a search from ``start`` comes to.

    Args:
        pairs: Source and target.
        start: Source to target, with shape ``(4, 4)``.
        radius: Of the source, which weighs angles against shifts.
        schedule: Of nu, and when to end.
    """
    distance = pairs.distances(start)
    finest, coarsest = schedule.finest, schedule.coarsest
    if not np.isfinite(distance).any():
        return Found(motion=start, steps=1, settled=False)
    if coarsest is None:
        coarsest = COARSEST * float(np.median(distance[np.isfinite(distance)]))
    nu, steps = max(coarsest, finest), 1
    speed, motion, energy = Anderson(MEMORY), start, _energy(distance, nu)
    scale = np.array([radius] * 3 + [1.0] * 3)
    while steps < schedule.most:
        image = pairs.improved(motion, np.exp(-((distance / nu) ** 2) / 2))
        size = float(np.abs(log(image @ inverse(motion)) * scale).max())
        if nu > finest and size < schedule.settled * nu:
            nu = max(nu / 2, finest)
            energy = _energy(distance, nu)
            speed.reset()
            continue
        if size < schedule.still * radius:
            return Found(motion=image, steps=steps, settled=True)
        points = (log(one @ inverse(start)) * scale for one in (motion, image))
        motion = exp(speed.next(*points) / scale) @ start
        distance, steps = pairs.distances(motion), steps + 1
        if _energy(distance, nu) > energy:  # accelerated too far
            motion, distance, steps = image, pairs.distances(image), steps + 1
        energy = _energy(distance, nu)
    return Found(motion=motion, steps=steps, settled=False)


def _energy(distance: Doubles, nu: float) -> float:
    return float((1 - np.exp(-((distance / nu) ** 2) / 2)).sum())
