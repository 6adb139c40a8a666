r"""Fast and robust ICP [Zhang, Yao and Deng, TPAMI 2021].

ICP minimizes the energy :math:`\sum \psi_\nu(d)` of the distances :math:`d` between points and
their nearest points, with Welsch's function :math:`\psi_\nu(d) = 1 - \exp(-d^2 / 2 \nu^2)` instead
of squares, so that outliers and missing surface have little influence.  :math:`\nu` starts at three
medians of the initial distances and is halved down to :math:`\nu_{min}`, a share of the points'
spacing.  Each step is a weighted least squares problem.  Steps are accelerated by Anderson's method
in the Lie algebra of motions; an accelerated step that raises the energy is reverted.
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
"""First nu, in medians of the initial distances."""

FINEST = 1 / (3 * np.sqrt(3))
"""Last nu, as a share of the points' spacing, as in the paper of FRICP."""

MEMORY = 5
"""Number of earlier steps in Anderson's method."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Schedule of nu, and criteria of convergence; lengths are in the unit of the points.

    Args:
        finest: Last nu.
        coarsest: First nu; None for three medians of the initial distances.
        settled: Largest motion of the points, as a share of nu, at which nu is halved.
        still: Largest motion of the points, as a share of their radius, at which the iteration
            ends, with the last nu.
        most: Largest number of nearest-neighbor searches.
    """

    finest: float
    coarsest: float | None = None
    settled: float = 0.01
    still: float = 3e-4
    most: int = 200


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """Result of ICP.

    Args:
        motion: Motion from source to target, with shape ``(4, 4)``.
        steps: Number of nearest-neighbor searches.
        settled: Whether the iteration converged.
    """

    motion: Doubles
    steps: int
    settled: bool


class Pairing(Protocol):
    """Distances between a source and its target, and the least squares step of ICP."""

    def distances(self, motion: Doubles) -> Doubles:
        """Return distances of the source's points, infinite without a partner, ``(N,)``."""

    def improved(self, motion: Doubles, weight: Doubles) -> Doubles:
        """Return the motion of weighted least squares for the last partners, ``(4, 4)``."""


class PointPairs:
    """Point-to-point distances between a source and a target.

    Args:
        points: Points of the source, with shape ``(N, 3)``.
        tree: Search tree of the target's points.
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
        """Return the motion of weighted least squares; the previous motion is not needed."""
        return rigid_fit(self.points, self._partner, weight=weight)


def fricp(pairs: Pairing, start: Doubles, *, radius: float, schedule: Schedule) -> Found:
    """Return the result of fast and robust ICP from an initial motion.

    Args:
        pairs: Source and target.
        start: Initial motion from source to target, with shape ``(4, 4)``.
        radius: Radius of the source, which converts angles to lengths.
        schedule: Schedule of nu, and criteria of convergence.
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
        if _energy(distance, nu) > energy:  # the accelerated step raised the energy
            motion, distance, steps = image, pairs.distances(image), steps + 1
        energy = _energy(distance, nu)
    return Found(motion=motion, steps=steps, settled=False)


def _energy(distance: Doubles, nu: float) -> float:
    return float((1 - np.exp(-((distance / nu) ** 2) / 2)).sum())
