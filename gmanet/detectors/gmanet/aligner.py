"""Alignment: where each kept point of a cloud lies on the normal clouds of its category."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gmanet.cloud import Cloud, Floats, Indices
from gmanet.detectors.gmanet.descriptors import Surface
from gmanet.detectors.gmanet.deviation import Surfaces, distances
from gmanet.registration.cached import register_cached
from gmanet.registration.icp import Registration, apply
from gmanet.registration.target import Target

__all__ = ["Alignment", "Laid"]


@dataclass(frozen=True, eq=False)
class Laid:
    """Where the kept points of a cloud lie on the normal clouds.

    Args:
        place: Their coordinates there in the target's extents, with shape ``(P, 3)``.
        normal: Unit normals there, of either sign, with shape ``(P, 3)``.
        own: Number of the normal cloud that it is, or is the twin of; -1 for any other.
    """

    place: Floats
    normal: Floats
    own: int


@dataclass(frozen=True, eq=False)
class Alignment:
    """Lay clouds on normal ones and measure how far they are from them.

    Where registration fails the best of its poses is kept, and the deviations are large.

    Args:
        target: What clouds are laid on.
        surfaces: The normal clouds, laid on it, in its extents.
        known: Motion of the normal clouds, by name; their twins move alike.
        owners: Number of each normal cloud among ``surfaces``, by name.
        seen: The same by ``Cloud.fingerprint``, so that a scan is never compared with itself.
    """

    target: Target
    surfaces: Surfaces
    known: dict[str, Registration] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)

    def motion(self, cloud: Cloud, origin: str = "") -> Registration:
        """Return how a cloud is laid on the target.

        Args:
            cloud: The cloud.
            origin: Name of the normal cloud that it is, or is the twin of; empty for any other.
        """
        return self.known.get(origin) or register_cached(cloud.pos, self.target)

    def lay(self, cloud: Cloud, surface: Surface, motion: Registration, origin: str = "") -> Laid:
        """Return where the kept points of a cloud lie on the normal ones.

        Args:
            cloud: The cloud.
            surface: Its kept points.
            motion: How it is laid on the target.
            origin: As for :meth:`motion`.
        """
        place = apply(motion, cloud.pos[surface.chosen]) / np.float32(self.target.length)
        normal = (surface.normal @ motion.rotation.T).astype(np.float32)
        return Laid(place, normal, self._own(cloud, origin))

    def _own(self, cloud: Cloud, origin: str) -> int:
        """Return the number of the normal cloud that a cloud is, or is the twin of, or -1."""
        if origin or not self.seen:
            return self.owners.get(origin, -1)
        return self.seen.get(cloud.fingerprint, -1)

    def distances(self, laid: Laid, index: Indices | slice, workers: int = 1) -> Floats:
        """Return the distances of some kept points to the normal clouds, ``(Q, CHANNELS)``."""
        places = laid.place[index], laid.normal[index]
        return distances(*places, self.surfaces, laid.own, workers)
