"""Alignment: where each center of a cloud lies on the normal clouds of its category."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gmanet.cloud import Cloud, Floats
from gmanet.geometry.deviation import Surfaces, deviation
from gmanet.geometry.structure import Structure
from gmanet.preprocess.registration import Registration, apply
from gmanet.preprocess.remembered import registered
from gmanet.preprocess.thinning import Target

__all__ = ["Alignment"]


@dataclass(frozen=True, eq=False)
class Alignment:
    """Lay clouds on normal ones and measure how far they are from them.

    Where registration fails the best of its poses is kept, and the deviations are large.

    Args:
        target: What clouds are laid on.
        surfaces: The normal clouds, laid on it, in its diameters.
        known: Motion of the normal clouds, by name; their twins move alike.
        owners: Number of each normal cloud among ``surfaces``, by name.
    """

    target: Target
    surfaces: Surfaces
    known: dict[str, Registration] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)

    def motion(self, cloud: Cloud, origin: str = "") -> Registration:
        """Return how a cloud is laid on the target.

        Args:
            cloud: The cloud.
            origin: Name of the normal cloud that it is, or is the twin of; empty for any other.
        """
        return self.known.get(origin) or registered(cloud.pos, self.target)

    def deviation(
        self,
        cloud: Cloud,
        made: Structure,
        motion: Registration,
        origin: str = "",
        workers: int = 1,
    ) -> Floats:
        """Return the deviations of a cloud's centers, with shape ``(M, DEVIATION)``.

        Args:
            cloud: The cloud.
            made: Its structure.
            motion: How it is laid on the target.
            origin: As for :meth:`motion`.
            workers: Threads.
        """
        centers = cloud.pos[made.chosen[: len(made.context)]]
        place = apply(motion, centers) / np.float32(self.target.length)
        normal = (made.normal @ motion.rotation.T).astype(np.float32)
        own = self.owners.get(origin, -1)
        return deviation(place, normal, made.around, self.surfaces, own, workers)
