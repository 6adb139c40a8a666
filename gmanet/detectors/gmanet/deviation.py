"""Deviation: how far a cloud that was laid on normal ones lies from their surfaces.

Descriptors tell what a neighborhood looks like, not where it is: a gentle bend looks like any
curved surface.  Industrial parts are rigid, so that place tells what shape does not.

Every distance is to the nearest of several normal clouds' points, along the normal there; a cloud
that is itself among them is not compared with itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Floats, Indices
from gmanet.geometry.spfh import pooled

__all__ = ["CHANNELS", "DEVIATION", "Surfaces", "deviation", "distances"]

CHANNELS = 4
"""Least and mean distance to tangent planes, distance to the nearest point, angle to a normal."""

DEVIATION = 3 * CHANNELS
"""The channels at a center, their mean and their deviation around it."""

NEAREST = 8
"""Points of the normal clouds that a center is compared with."""

FLOOR = 2e-4
"""Distances, in extents of the target, that count as none: below the noise of a scanner."""


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Points of normal clouds that lie on one another.

    Args:
        points: Coordinates in extents of the target, with shape ``(T, 3)``.
        normal: Unit normals of either sign, with shape ``(T, 3)``.
        owner: Number of the cloud that each point is from, with shape ``(T,)``.
    """

    points: Floats
    normal: Floats
    owner: Indices

    @cached_property
    def tree(self) -> cKDTree:
        """The points, to be searched."""
        return cKDTree(self.points)

    def nearest(self, place: Floats, own: int, workers: int = 1) -> Indices:
        """Return the points nearest to each place, none of cloud ``own``, ``(M, NEAREST)``."""
        if own < 0 and len(self.points) >= NEAREST:
            index = self.tree.query(place, np.arange(1, NEAREST + 1), workers=workers)[1]
            return np.asarray(index, dtype=np.int64)
        found = np.zeros((len(place), NEAREST), dtype=np.int64)
        rows, wanted = np.arange(len(place)), NEAREST if own < 0 else 2 * NEAREST
        while len(rows):
            count = min(wanted, len(self.points))
            index = np.asarray(
                self.tree.query(place[rows], np.arange(1, count + 1), workers=workers)[1]
            )
            other = self.owner[index] != own
            order = np.argsort(~other, axis=1, kind="stable")[:, :NEAREST]  # the others first
            got = np.maximum(other.sum(axis=1), 1)
            order = np.take_along_axis(order, _at_most(got - 1), axis=1)
            found[rows] = np.take_along_axis(index, order, axis=1)
            rows = rows[got < NEAREST] if count < len(self.points) else rows[:0]
            wanted *= 4
        return found


def _at_most(last: Indices) -> Indices:
    """Return 0, 1, 2, ... up to ``last`` of each row and no further, ``(M, NEAREST)``."""
    return np.minimum(np.arange(NEAREST)[None], last[:, None])


def deviation(values: Floats, others: Floats, around: Indices, workers: int = 1) -> Floats:
    """Return deviations of places from normal surfaces, ``(Q, DEVIATION)``.

    Args:
        values: Distances of the places, with shape ``(Q, CHANNELS)``.
        others: Distances of the places over which they are averaged, with shape ``(E, CHANNELS)``.
        around: Which of these are nearest to each, with shape ``(Q, S)``.
        workers: Threads.
    """
    return np.concatenate([values, *pooled(others, around, workers)], axis=1)


def distances(
    place: Floats, normal: Floats, surfaces: Surfaces, own: int = -1, workers: int = 1
) -> Floats:
    """Return distances of places to normal surfaces on a log scale, ``(Q, CHANNELS)``.

    Args:
        place: In extents of the target, laid on the surfaces, with shape ``(Q, 3)``.
        normal: Unit normals there, of either sign, with shape ``(Q, 3)``.
        surfaces: The normal clouds, two at least where ``own`` is one of them.
        own: Number of the cloud that the places are from, which is left out.
        workers: Threads.
    """
    index = surfaces.nearest(place, own, workers)
    offset = place[:, None] - surfaces.points[index]
    plane = np.abs(np.einsum("mkc,mkc->mk", offset, surfaces.normal[index]))
    reach = np.sqrt(np.einsum("mkc,mkc->mk", offset, offset)).min(axis=1)
    turn = np.abs(np.einsum("mc,mkc->mk", normal, surfaces.normal[index])).max(axis=1)
    lengths = np.stack([plane.min(axis=1), plane.mean(axis=1), reach], axis=1)
    angle = np.sqrt(np.maximum(1 - turn, 0))
    return np.column_stack([np.log(lengths + FLOOR), angle]).astype(np.float32)
