"""Registration of a cloud on a reference cloud of the same part by ICP from many initial poses.

ICP (:mod:`gmanet.registration.refine`) refines the initial poses
(:mod:`gmanet.registration.initial_poses`) in three rounds, each with fewer poses and more points.
The pose with the least trimmed distance to the surface is compared with its images under the near
symmetries of the part (:mod:`gmanet.registration.symmetry`), and the best of these with turns about
axes that hardly any surface holds (:mod:`gmanet.registration.loose_axes`).  Where distances remain
that noise does not explain, a pose that fits notches and marks clearly better replaces it
(:mod:`gmanet.registration.details`).

The result is reproducible: there are no threads, rows are sorted first, and the seed determines all
random numbers.  It does not depend on the signs of normals.  To register many clouds on one
reference, make its ``Target`` once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Doubles, Floats
from gmanet.geometry.se3 import rigid
from gmanet.registration.initial_poses import distinct, initial_poses
from gmanet.registration.refine import refined, trimmed
from gmanet.registration.symmetry import best_of_symmetric
from gmanet.registration.target import Subsample, Target, canonical_order, subsample

__all__ = ["Registration", "apply", "register"]

POINTS = 2048
"""Points in the subsample of the source."""

ROUNDS = ((24, 128, 2048, 6), (6, 512, 16384, 4), (2, 2048, 16384, 10))
"""Number of poses, source points, target points and ICP steps of each round."""

DISTINCT = 0.02
"""Least distance of two poses after a round, in radians; closer poses are merged."""

NEAR = 0.02
"""Largest distance of inliers from the target, as a share of the target's extent."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Registration:
    """The rigid motion that registers a source on its target.

    Args:
        T_target_source: Motion from the source's coordinates to the target's, ``(4, 4)``
            (:mod:`gmanet.geometry.se3`), translation in the unit of the clouds.
        inlier_rmse: Root mean square distance of the inliers to the target's surface, in the unit
            of the clouds.
        overlap: Share of inliers among the source's points: those within 2 % of the target's
            extent from its surface.
    """

    T_target_source: Doubles
    inlier_rmse: float
    overlap: float

    @property
    def rotation(self) -> Doubles:
        """The rotation matrix, with shape ``(3, 3)``."""
        return np.ascontiguousarray(self.T_target_source[:3, :3])

    @property
    def translation(self) -> Doubles:
        """The translation in the unit of the clouds, with shape ``(3,)``."""
        return np.ascontiguousarray(self.T_target_source[:3, 3])


def apply(registration: Registration, pos: Floats) -> Floats:
    """Return points of the source in the target's coordinates, with shape ``(N, 3)``."""
    moved = np.einsum("ij,nj->ni", registration.rotation, pos) + registration.translation
    return np.asarray(moved, dtype=np.float32)


def register(
    source: Floats,
    target: Floats | Target,
    *,
    seed: int = 0,
    start: Doubles | None = None,
) -> Registration:
    """Return the registration of ``source``, in any pose, on ``target``.

    Args:
        source: The cloud to move, with shape ``(N, 3)``; a small part of it may be defective.
        target: A cloud of the same part in the same unit, with shape ``(M, 3)``, or its
            ``Target.of``.
        seed: Seed of the randomly drawn triples of feature matches.
        start: ``T_target_source`` of a similar target, with shape ``(4, 4)``: it and its images
            under the near symmetries are the only initial poses; None for many initial poses.

    Raises:
        InputError: A cloud that :meth:`gmanet.cloud.Cloud.checked` refuses.
    """
    rows = canonical_order(source, "registration, source")
    fixed = target if isinstance(target, Target) else Target.of(target)
    length = fixed.length
    moving, source_centroid = subsample(rows, length, count=POINTS)
    if start is None:
        pose = _best_of_many(moving, fixed, seed=seed)
    else:
        turn = start[:3, :3]
        shift = (start[:3, 3] + turn @ source_centroid - fixed.centroid) / length
        pose = rigid(turn, shift)
    poses, distance = best_of_symmetric(pose, moving.points, target=fixed)
    near = distance[0] <= NEAR
    inlier_rmse = float(np.sqrt((distance[0][near] ** 2).mean())) if near.any() else float("inf")
    rotation, shift = poses[0, :3, :3].copy(), poses[0, :3, 3]
    back = np.einsum("ij,j->i", rotation, source_centroid)
    translation = fixed.centroid + length * shift - back
    return Registration(
        T_target_source=rigid(rotation, translation),
        inlier_rmse=length * inlier_rmse,
        overlap=float(near.mean()),
    )


def _best_of_many(moving: Subsample, target: Target, *, seed: int) -> Doubles:
    """Return the best of many poses after three rounds of ICP, ``(4, 4)``, lengths in extents."""
    poses = initial_poses(moving, target, count=ROUNDS[0][0], rng=np.random.default_rng(seed))
    for wanted, points, surface, steps in ROUNDS:
        poses = poses[:wanted]
        poses, distance = refined(
            poses, moving.points[:points], target=target.surface(surface), steps=steps
        )
        best = distinct(poses, trimmed(distance), count=wanted, apart=DISTINCT)
        poses = poses[best]
    return np.asarray(poses[0])
