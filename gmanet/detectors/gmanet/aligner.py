"""Alignment of a cloud with the normal clouds of its category, and its distances to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gmanet.cloud import Cloud, Floats, Indices
from gmanet.detectors.gmanet.common_surface.comparison import FLOOR
from gmanet.detectors.gmanet.common_surface.consensus import Consensus
from gmanet.detectors.gmanet.common_surface.mean_shape import MeanShape
from gmanet.detectors.gmanet.common_surface.shape_model import ShapeModel
from gmanet.detectors.gmanet.deviation import LENGTHS, Surfaces, distances
from gmanet.detectors.gmanet.structures import Surface
from gmanet.registration.cached import register_solid
from gmanet.registration.icp import Registration, apply
from gmanet.registration.target import Target

__all__ = ["AlignedPoints", "Aligner", "refine_common"]

COVERED = 0.8
"""Least overlap of a cloud with the common surface without further poses."""

FEWEST = 2
"""Least number of normal clouds that a train cloud is compared with, if there are as many."""


def refine_common(pos: Floats, start: Registration, *, common: Target) -> Registration:
    """Return the registration of a cloud on the normal clouds' common surface.

    Where the refined pose leaves much of the cloud uncovered, many poses are tried.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        start: Registration of the cloud on the first normal cloud.
        common: The common surface, in the same coordinates.
    """
    found = register_solid(pos, common, start=start)
    if found.overlap >= COVERED:
        return found
    other = register_solid(pos, common)
    return max(found, other, key=lambda each: (each.overlap, -each.inlier_rmse))


@dataclass(frozen=True, eq=False, kw_only=True)
class AlignedPoints:
    """The subsample of a cloud in the coordinates of the normal clouds.

    Args:
        points: Coordinates in the target's extents, with shape ``(P, 3)``; with a shape model, as
            if the part had the mean shape.
        normal: Unit normals, of either sign, with shape ``(P, 3)``.
        used: Numbers of the normal clouds that it is compared with, ascending: not with itself, nor
            with the original of this twin.
        around: Median offset of the cloud around each place (``Consensus.around``), ``(M,)``.
        strangeness: Factor of the standard deviations that the cloud is measured in
            (``Consensus.strangeness``).
    """

    points: Floats
    normal: Floats
    used: Indices
    around: Floats
    strangeness: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Aligner:
    """Registration of clouds on the normal clouds, and distances to these.

    Where registration fails its best pose is used, and the distances are large.

    Args:
        target: The first normal cloud, on which clouds are registered first.
        common: The common surface, on which they are registered then, in the same coordinates.
        surfaces: The normal clouds in the target's coordinates and extents.
        consensus: The surface that they have in common.
        shapes: What good parts look like; None where they do not differ together.
        registrations: Name of each normal cloud -> its registration, also used for its twins.
        owners: Name of each normal cloud -> its number in ``surfaces`` and ``consensus``.
        fingerprints: Fingerprint of each normal cloud (``Cloud.fingerprint``) -> its number, so
            that no scan is compared with itself.
    """

    target: Target
    common: Target
    surfaces: Surfaces
    consensus: Consensus
    shapes: ShapeModel | None = None
    registrations: dict[str, Registration] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    fingerprints: dict[str, int] = field(default_factory=dict)

    def register(self, cloud: Cloud, origin: str = "") -> Registration:
        """Return the registration of a cloud on the normal clouds.

        Args:
            cloud: The cloud.
            origin: Name of the normal cloud that is this cloud or the original of this twin; empty
                for any other cloud.
        """
        if found := self.registrations.get(origin):
            return found
        first = register_solid(cloud.pos, self.target)
        return refine_common(cloud.pos, first, common=self.common)

    def align(
        self,
        cloud: Cloud,
        surface: Surface,
        *,
        registration: Registration,
        origin: str = "",
        few: bool = False,
    ) -> AlignedPoints:
        """Return the subsample of a cloud in the coordinates of the normal clouds.

        Args:
            cloud: The cloud.
            surface: Subsample of the cloud.
            registration: Registration of the cloud on the target.
            origin: As for :meth:`register`.
            few: Whether it is compared with a random choice of the normal clouds, so that networks
                learn how far a few of them can be trusted.
        """
        points = apply(registration, cloud.pos[surface.chosen]) / np.float32(self.target.length)
        normal = (surface.normal @ registration.rotation.T).astype(np.float32)
        used = self.others(cloud, origin)
        if few:
            rng = np.random.default_rng(int(cloud.fingerprint, 16))
            count = round(
                float(np.exp(rng.uniform(np.log(min(FEWEST, len(used))), np.log(len(used)))))
            )
            used = np.sort(rng.choice(used, count, replace=False))
        made = self.mean_shape(points, normal, used=used, images=not origin)
        return AlignedPoints(
            points=made.points,
            normal=made.normal,
            used=used,
            around=self.consensus.around(made.offset),
            strangeness=self.consensus.strangeness(made.offset),
        )

    @cached_property
    def mean_shape(self) -> MeanShape:
        """The function from a registered part to the part as if it had the mean shape."""
        return MeanShape(consensus=self.consensus, shapes=self.shapes, common=self.common)

    def others(self, cloud: Cloud, origin: str = "") -> Indices:
        """Return the numbers of the normal clouds that a cloud is compared with, ascending.

        Args:
            cloud: The cloud.
            origin: As for :meth:`register`.
        """
        number = self.owners.get(origin, self.fingerprints.get(cloud.fingerprint, -1))
        clouds = self.consensus.clouds
        return np.asarray(clouds[clouds != number])

    def distances(
        self, aligned: AlignedPoints, index: Indices | slice, *, workers: int = 1
    ) -> Floats:
        """Return distances of ``Q`` points to the normal clouds, ``(Q, CHANNELS + CONSENSUS)``.

        Args:
            aligned: The cloud in the coordinates of the normal clouds.
            index: The points, as indices into ``aligned.points``.
            workers: Number of threads.
        """
        points, normal = aligned.points[index], aligned.normal[index]
        near = distances(points, normal, surfaces=self.surfaces, used=aligned.used, workers=workers)
        more, steady = self.consensus.compare(
            *(points, normal),
            used=aligned.used,
            around=aligned.around,
            strangeness=aligned.strangeness,
            workers=workers,
        )
        near[~steady, :LENGTHS] = np.log(self.consensus.moments(aligned.used)[0].usual + FLOOR)
        return np.concatenate([near, more], axis=1)
