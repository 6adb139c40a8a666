"""How much good parts differ from the mesh: over all of the part, and from place to place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import chdtri

from gmanet.cloud import Doubles

__all__ = ["ToleranceMap", "allowance"]

CONFIDENCE = 0.8
"""Confidence that the root mean square over all parts is not larger than the tolerance."""

DIMENSIONS = 3
"""Number of dimensions in which good parts are taken to differ, independently of one another."""

AROUND = 64
"""Number of points of each scan over which squares of deviations are averaged at a place."""

PROBES = 4096
"""Number of places at which the tolerance is known."""


def allowance(scans: int) -> float:
    """Return the tolerance over the root mean square of the form deviations of some scans.

    If good parts differ in ``DIMENSIONS`` as normal random numbers do, the sum of their squares
    over the scans is distributed as chi-square.

    Args:
        scans: Number of scans.
    """
    freedom = DIMENSIONS * scans
    return math.sqrt(freedom / float(chdtri(freedom, CONFIDENCE)))


@dataclass(frozen=True, eq=False, kw_only=True)
class ToleranceMap:
    """Deviations at places of the mesh over the root mean square of all.

    A thread that starts at another angle in every part deviates much more than flat faces do.

    Args:
        pos: Places in the coordinates of the mesh, with shape ``(P, 3)``.
        factor: Deviation at each place over that of the whole part, with shape ``(P,)``.
    """

    pos: Doubles
    factor: Doubles

    @classmethod
    def of(cls, pos: Doubles, square: Doubles, *, scans: int) -> ToleranceMap:
        """Return the map of some scans.

        Few scans show little of a place: the square of the factor is the mean of the places'
        squares, which count as often as there are scans, and of 1, which counts ``DIMENSIONS``
        times.

        Args:
            pos: Points of all scans in their best pose on the mesh, with shape ``(N, 3)``.
            square: Squares of their form deviations, with shape ``(N,)``; the noise that is
                subtracted makes some negative.
            scans: Number of scans.
        """
        whole = float(square.mean())
        places = pos[np.random.default_rng(0).permutation(len(pos))[:PROBES]]
        if whole <= 0:
            return cls(pos=places, factor=np.ones(len(places)))
        near = cKDTree(pos).query(places, k=min(AROUND * scans, len(pos)))[1]
        local = np.maximum(square[near].mean(axis=1), 0) / whole
        factor = np.sqrt((DIMENSIONS + scans * local) / (DIMENSIONS + scans))
        return cls(pos=places, factor=factor)

    def at(self, pos: Doubles) -> Doubles:
        """Return the factor at points, that of the nearest place, with shape ``(N,)``.

        Args:
            pos: Points in the coordinates of the mesh, with shape ``(N, 3)``.
        """
        return np.asarray(self.factor[cKDTree(self.pos).query(pos)[1]])
