"""Consensus: the surface that the normal clouds have in common, and how much they differ from it.

Parts of one kind differ: castings in their skin, threads in their phase, engravings in their text.
A distance from a normal surface means something only beside the distances between normal surfaces
at the same place.  So the surface is sampled at places; at each, the offset of every normal cloud
along the place's normal is known, or that the cloud does not cover the place.  A point is measured
in standard deviations of the offsets, and a normal cloud with the offsets of all other clouds.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Floats, Indices, Labels
from gmanet.detectors.gmanet.common_surface.comparison import FLOOR, KINDS, compare
from gmanet.detectors.gmanet.common_surface.moments import Moments
from gmanet.geometry.jit import over_rows
from gmanet.geometry.search.grid import grid_nearest

__all__ = ["CONSENSUS", "Consensus"]

OF_RELIEF = (0, 1, 4)
"""The values that are also channels of the relief: of surfaces relative to their surroundings."""

CONSENSUS = KINDS + len(OF_RELIEF)
"""Number of channels."""

NODES = 1024
"""Number of places, the first ones, among which the surroundings of a place are searched."""

SURROUNDINGS = 64
"""Number of these places around a place: a sixteenth of the surface."""

ALIKE = 0.8
"""Least cosine of the normals of places on one face."""

SHIFT = 0.0015
"""Standard deviation of the shift of a face that is steady in any case, in extents: half the depth
of the shallowest defect that SPCG makes by default."""

NEAREST = 4
"""Number of places over which a comparison is averaged."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Consensus:
    """Places on the common surface of ``n`` normal clouds, lengths in extents of the target.

    Args:
        points: Coordinates of the places, with shape ``(M, 3)``.
        normal: Unit normals, of like sign among neighbors, with shape ``(M, 3)``.
        offset: Offsets of the clouds along the normals, with shape ``(M, n)``; NaN where a cloud
            does not cover a place.
        relief: The same relative to the surroundings of each place (:meth:`around`).
    """

    points: Floats
    normal: Floats
    offset: Floats
    relief: Floats

    @classmethod
    def of(cls, points: Floats, normal: Floats, *, offset: Floats) -> Consensus:
        """Return the consensus of clouds with these offsets, as for :class:`Consensus`."""
        made = cls(points=points, normal=normal, offset=offset, relief=offset)
        columns = [column - made.around(column) for column in offset.T]
        return replace(made, relief=np.stack(columns, axis=1).astype(np.float32))

    @cached_property
    def tree(self) -> cKDTree:
        """The search tree of the places."""
        return cKDTree(self.points)

    @cached_property
    def clouds(self) -> Indices:
        """Numbers of the clouds that cover any place, ascending."""
        return np.flatnonzero(np.isfinite(self.offset).any(axis=0))

    @cached_property
    def steady(self) -> Labels:
        """Whether distances from the surface count at each place, with shape ``(M,)``.

        Where whole faces shift from part to part more than their relief differs, a handful of
        parts does not show how far a good part may go, and networks would learn these parts by
        heart; there the relief alone is compared.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # places that no cloud covers
            shift = np.nanvar(self.offset - self.relief, axis=1)
            relief = np.nanvar(self.relief, axis=1)
        return np.asarray(shift <= relief + SHIFT**2)

    @property
    def largest(self) -> float:
        """Root mean square offset of the cloud that is farthest from the common surface."""
        return float(np.sqrt(np.nanmean(self.offset[:, self.clouds] ** 2, axis=0).max()))

    @cached_property
    def _surroundings(self) -> tuple[Indices, Labels]:
        """Places around each place, and whether these face alike, each ``(M, SURROUNDINGS)``."""
        nodes = self.points[:NODES]
        index = grid_nearest(nodes, self.points, count=min(SURROUNDINGS, len(nodes)))[1]
        cosine = np.einsum("mc,mkc->mk", self.normal, self.normal[index])
        return index, cosine > ALIKE

    def around(self, offset: Floats) -> Floats:
        """Return the median offset of one cloud around each place, with shape ``(M,)``.

        Parts that differ in size, and poses that are a little off, shift whole faces; the offset
        less this median is left.

        Args:
            offset: Offsets of the cloud, with shape ``(M,)``, NaN where unknown.
        """
        index, alike = self._surroundings
        values = np.where(alike, offset[index], np.nan)
        values.sort(axis=1)  # unknown ones come last
        last = np.isfinite(values).sum(axis=1) - 1
        row = np.arange(len(values))
        middle = (values[row, last // 2] + values[row, (last + 1) // 2]) / 2
        return np.where(last < 0, 0, middle).astype(np.float32)

    @cached_property
    def _moments(self) -> dict[bytes, tuple[Moments, Moments]]:
        return {}

    def moments(self, used: Indices) -> tuple[Moments, Moments]:
        """Return how the offsets, and the reliefs, of some clouds are spread at each place.

        Args:
            used: Numbers of the clouds.
        """
        key = used.tobytes()
        if key not in self._moments:
            self._moments.clear()  # of all that are used in turn, only the last is used again
            self._moments[key] = (Moments.of(self.offset, used), Moments.of(self.relief, used))
        return self._moments[key]

    def strangeness(self, offset: Floats) -> float:
        """Return how much more one cloud differs from the mean than normal clouds do, at least 1.

        It is the quotient of upper quartiles of the deviations in standard deviations, so that a
        defect, which is a small part of the surface, does not matter.  A part whose sizes are rare,
        or a scan with more noise, is that much farther from the mean all over.

        Args:
            offset: Offsets of the cloud, with shape ``(M,)``, NaN where unknown.
        """
        return max(1.0, self._quartile(offset) / max(self._usual_quartile, 1e-9))

    @cached_property
    def _whole(self) -> Moments:
        """The moments of the offsets of all clouds."""
        return Moments.of(self.offset, self.clouds)

    @cached_property
    def _usual_quartile(self) -> float:
        return float(np.median([self._quartile(self.offset[:, each]) for each in self.clouds]))

    def _quartile(self, offset: Floats) -> float:
        """Return the upper quartile of a cloud's deviations in standard deviations."""
        found = self._whole
        deviation = np.abs(offset - found.mean) / np.sqrt(found.variance)
        known = np.isfinite(deviation)
        return float(np.quantile(deviation[known], 0.75)) if known.any() else 0.0

    def surface(self) -> tuple[Floats, Floats, Floats]:
        """Return points and normals of the mean surface, ``(M, 3)``, and the spread, ``(M,)``."""
        found = self._whole
        points = self.points + found.mean[:, None] * self.normal
        return points, self.normal, np.sqrt(found.variance)

    def compare(
        self,
        points: Floats,
        normal: Floats,
        *,
        used: Indices,
        around: Floats,
        strangeness: float = 1.0,
        workers: int = 1,
    ) -> tuple[Floats, Labels]:
        """Return the comparison of points with the consensus, and where distances count.

        The shapes are ``(Q, CONSENSUS)`` and ``(Q,)`` (:attr:`steady`).

        Where no cloud is within ``FAR``, the distances are those of a usual normal point, and the
        share of clouds that cover the place is 0.

        Args:
            points: Aligned coordinates in extents, with shape ``(Q, 3)``.
            normal: Aligned unit normals of either sign, with shape ``(Q, 3)``.
            used: Numbers of the normal clouds that are compared with, ascending.
            around: The compared cloud's median offset around each place, with shape ``(M,)``.
            strangeness: Factor of all standard deviations (:meth:`strangeness`).
            workers: Number of threads.
        """
        whole, relief = self.moments(used)
        reach, at = self.tree.query(points, np.arange(1, NEAREST + 1), workers=workers)
        near = (points, normal, np.asarray(reach, dtype=np.float32), np.asarray(at))
        made = np.empty((2, len(points), KINDS), dtype=np.float32)
        forms = ((self.offset, whole, np.zeros_like(around)), (self.relief, relief, around))
        for (offset, found, shift), row in zip(forms, made, strict=True):
            over_rows(
                *(compare, len(points), workers, *near, self.points, self.normal, offset, used),
                *(found.count, found.mean, found.variance * np.float32(strangeness**2)),
                *(found.usual * np.float32(strangeness), shift, row),
            )
        steady = self.steady[np.asarray(at)[:, 0]]
        made[0][~steady, 0] = 0
        made[0][~steady, 3:] = np.log(whole.usual + FLOOR)
        return np.concatenate([made[0], made[1][:, OF_RELIEF]], axis=1), steady
