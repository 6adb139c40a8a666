"""Alignment of a cloud with the normal clouds of its category, and its distances to them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gmanet.cloud import Cloud, Floats, Indices
from gmanet.detectors.gmanet.deviation import Surfaces, distances
from gmanet.detectors.gmanet.structures import Surface
from gmanet.registration.cached import register_cached
from gmanet.registration.icp import Registration, apply
from gmanet.registration.target import Target

__all__ = ["AlignedPoints", "Aligner"]


@dataclass(frozen=True, eq=False, kw_only=True)
class AlignedPoints:
    """The subsample of a cloud in the coordinates of the normal clouds.

    Args:
        points: Coordinates in the target's extents, with shape ``(P, 3)``.
        normal: Unit normals, of either sign, with shape ``(P, 3)``.
        exclude: Number of the normal cloud that is this cloud or the original of this twin, so
            that it is left out of comparisons; -1 for any other cloud.
    """

    points: Floats
    normal: Floats
    exclude: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Aligner:
    """Registration of clouds on the normal clouds, and distances to these.

    Where registration fails its best pose is used, and the distances are large.

    Args:
        target: The target of all registrations.
        surfaces: The normal clouds in the target's coordinates and extents.
        registrations: Name of each normal cloud -> its registration, also used for its twins.
        owners: Name of each normal cloud -> its number in ``surfaces``.
        fingerprints: Fingerprint of each normal cloud (``Cloud.fingerprint``) -> its number, so
            that no scan is compared with itself.
    """

    target: Target
    surfaces: Surfaces
    registrations: dict[str, Registration] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    fingerprints: dict[str, int] = field(default_factory=dict)

    def register(self, cloud: Cloud, origin: str = "") -> Registration:
        """Return the registration of a cloud on the target.

        Args:
            cloud: The cloud.
            origin: Name of the normal cloud that is this cloud or the original of this twin; empty
                for any other cloud.
        """
        return self.registrations.get(origin) or register_cached(cloud.pos, self.target)

    def align(
        self, cloud: Cloud, surface: Surface, *, registration: Registration, origin: str = ""
    ) -> AlignedPoints:
        """Return the subsample of a cloud in the coordinates of the normal clouds.

        Args:
            cloud: The cloud.
            surface: Subsample of the cloud.
            registration: Registration of the cloud on the target.
            origin: As for :meth:`register`.
        """
        points = apply(registration, cloud.pos[surface.chosen]) / np.float32(self.target.length)
        normal = (surface.normal @ registration.rotation.T).astype(np.float32)
        return AlignedPoints(points=points, normal=normal, exclude=self._number(cloud, origin))

    def _number(self, cloud: Cloud, origin: str) -> int:
        """Return the number of the normal cloud to exclude, or -1."""
        if origin or not self.fingerprints:
            return self.owners.get(origin, -1)
        return self.fingerprints.get(cloud.fingerprint, -1)

    def distances(
        self, aligned: AlignedPoints, index: Indices | slice, *, workers: int = 1
    ) -> Floats:
        """Return the distances of ``Q`` points to the normal clouds, with shape ``(Q, CHANNELS)``.

        Args:
            aligned: The cloud in the coordinates of the normal clouds.
            index: The points, as indices into ``aligned.points``.
            workers: Number of threads.
        """
        return distances(
            aligned.points[index],
            aligned.normal[index],
            surfaces=self.surfaces,
            exclude=aligned.exclude,
            workers=workers,
        )
