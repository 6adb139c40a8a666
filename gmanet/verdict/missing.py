r"""Missing surface: where all normal scans have points and a scan has none.

Scores exist at points, so that material that is not there has no score.  The surfaces of the normal
scans, registered on one reference, are kept as evenly spread places.  Let :math:`d` be the distance
of a place to the nearest point of a scan, :math:`s` the spacing of the scan's points there,
:math:`\bar s` that of the normal scans (median), and :math:`q` the largest distance of the place to
any normal scan.  The emptiness of the place is

.. math:: z = \frac{d}{\sqrt{\bar s^2 + q^2} \, \max(1, s / \bar s)},

about the radius of the gap in the unit in which gaps of that place are normal: a sparse scan has
large :math:`s`; parts that differ from one another, and sides that some normal scans did not see,
have large :math:`q`.  The emptiness of the scan is the highest of all places; that of a normal scan
is measured without its own part in :math:`q`, for the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from gmanet.cloud import Cloud, Doubles, Floats, Indices
from gmanet.geometry.coverage import Cover, cover, place_areas
from gmanet.registration.icp import Registration
from gmanet.registration.target import Target
from gmanet.synthesis.twins import Clouds
from gmanet.verdict.gaps import Found, find_gaps
from gmanet.verdict.reference import REGISTERED, placed, spread

__all__ = ["Missing"]

CLOUDS = 40
"""Largest number of normal scans whose surfaces are kept."""

LEAST = 0.5
"""Least median overlap of the normal scans with the reference with which missing surface is
searched."""

GAP = 1.5
"""Least emptiness of a gap that is listed: less is a gap between points."""

FEWEST = 3
"""Fewest registered normal scans with which missing surface is searched."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Missing:
    """The places that normal scans have points at, and how near these points are.

    Args:
        target: The reference of all registrations.
        places: Places in extents of the target about its centroid, with shape ``(M, 3)``.
        spacing: Median spacing of the normal scans at each place, with shape ``(M,)``.
        farthest: Largest distance of each place to a normal scan, with shape ``(M,)``.
        second: Largest distance without the scan of the largest, with shape ``(M,)``.
        owner: Number of the scan of the largest distance, with shape ``(M,)``.
        overlap: Least overlap with the reference of a scan that counts as registered.
        limit: Emptiness above which a scan has gaps: the highest of the normal scans, and ``GAP``.
        prints: Fingerprint of each normal scan by its number.
        failed: Number of normal scans that could not be registered.
    """

    target: Target
    places: Floats
    spacing: Doubles
    farthest: Doubles
    second: Doubles
    owner: Indices
    overlap: float
    limit: float
    prints: tuple[str, ...]
    failed: int

    @classmethod
    def of(
        cls,
        clouds: Clouds | Sequence[Cloud],
        target: Target,
        *,
        found: Sequence[Registration],
        counts: Callable[[Floats], Floats] | None = None,
    ) -> tuple[Missing, Doubles] | None:
        """Return the fitted places and the emptiness of each normal scan, ``(n,)``.

        The emptiness of a scan that could not be registered is minus infinity.  None is returned
        where too few normal scans lie on the reference.

        Args:
            clouds: Normal clouds.
            target: The reference.
            found: Registration of each normal cloud on the reference.
            counts: Function from places, ``(M, 3)``, to factors, 0 for those that do not count,
                ``(M,)``; None if all count.
        """
        overlaps = np.array([each.overlap for each in found])
        middle = float(np.median(overlaps[1:])) if len(overlaps) > 1 else 0.0
        usable = overlaps >= REGISTERED * middle
        if middle < LEAST or usable.sum() < FEWEST:
            return None
        kept = np.flatnonzero(usable)[:CLOUDS].tolist()
        surfaces = {row: placed(clouds[row].pos, found[row], target=target) for row in kept}
        places = spread(list(surfaces.values()))
        places = places if counts is None else places[counts(places) > 0]
        if not len(places):
            return None
        covers = {row: cover(pos, places) for row, pos in surfaces.items()}
        distance = np.stack([covers[row].distance for row in kept])
        order = np.sort(distance, axis=0)
        made = cls(
            target=target,
            places=places,
            spacing=np.median([covers[row].spacing for row in kept], axis=0),
            farthest=order[-1],
            second=order[-2],
            owner=np.array(kept)[distance.argmax(axis=0)],
            overlap=REGISTERED * middle,
            limit=0.0,
            prints=tuple(clouds[row].fingerprint for row in range(len(found))),
            failed=int((~usable).sum()),
        )
        values = np.full(len(found), -np.inf)
        for row in np.flatnonzero(usable).tolist():
            seen = covers.get(row)
            if seen is None:
                seen = cover(placed(clouds[row].pos, found[row], target=target), places)
            values[row] = made._emptiness(seen, own=row).max()
        return replace(made, limit=max(GAP, float(values.max()))), values

    def _emptiness(self, seen: Cover, *, own: int) -> Doubles:
        """Return the emptiness of each place; ``own`` is the scan's number, or -1."""
        normal = np.where(self.owner == own, self.second, self.farthest)
        sparser = np.maximum(1, seen.spacing / self.spacing)
        return np.asarray(seen.distance / (np.hypot(self.spacing, normal) * sparser))

    def __call__(self, cloud: Cloud, found: Registration | None) -> Found:
        """Return what a scan misses, in the scan's frame and unit.

        Args:
            cloud: The scan.
            found: Its registration on the target; None where it was not registered.
        """
        if found is None or found.overlap < self.overlap:
            return Found(note="missing surface was not searched: the scan lies on no normal scan")
        pos = placed(cloud.pos, found, target=self.target)
        seen = cover(pos, self.places)
        mark = cloud.fingerprint
        own = self.prints.index(mark) if mark in self.prints else -1
        emptiness = self._emptiness(seen, own=own)
        highest = float(emptiness.max())
        if highest <= self.limit:
            return Found(emptiness=highest)
        return find_gaps(
            pos,
            self.places,
            seen=seen,
            emptiness=emptiness,
            limit=self.limit,
            areas=place_areas(self.places),
            back=lambda points: self._back(points, found),
            length=self.target.length,
        )

    def _back(self, points: Doubles, found: Registration) -> Doubles:
        """Return points of the target's frame in the frame of a scan, with shape ``(K, 3)``."""
        moved = points * self.target.length + self.target.centroid - found.translation
        return np.asarray(np.einsum("ij,ni->nj", found.rotation, moved))

    def state(self) -> dict[str, Any]:
        """Return the fitted places as plain values and tensors; the target is the gate's."""
        return {
            "places": torch.from_numpy(self.places.astype(np.float32)),
            "spacing": torch.from_numpy(self.spacing.astype(np.float64)),
            "farthest": torch.from_numpy(self.farthest.astype(np.float64)),
            "second": torch.from_numpy(self.second.astype(np.float64)),
            "owner": torch.from_numpy(self.owner.astype(np.int64)),
            "overlap": self.overlap,
            "limit": self.limit,
            "prints": list(self.prints),
            "failed": self.failed,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], *, target: Target) -> Missing:
        """Return the places that :meth:`state` described.

        Args:
            state: The state.
            target: The reference.
        """
        names = ("places", "spacing", "farthest", "second", "owner")
        arrays = {name: state[name].numpy() for name in names}
        return cls(
            target=target,
            **arrays,
            overlap=float(state["overlap"]),
            limit=float(state["limit"]),
            prints=tuple(map(str, state["prints"])),
            failed=int(state["failed"]),
        )

    def sentence(self) -> str:
        """Return how missing surface is searched, for people."""
        count = len(self.prints) - self.failed
        left = f", {self.failed} could not be registered" if self.failed else ""
        return f"missing surface is searched with {count} normal scans{left}"
