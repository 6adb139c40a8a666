"""Near symmetries of a part, and the choice among them.

A scan of a nut that lacks a side, or of a part whose thread or engraving differs from part to part,
may be registered turned by a sixth or upside down, with distances hardly larger than in the right
pose.  The motions that nearly map the part onto itself say where else the right pose may be.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from gmanet.cloud import Doubles
from gmanet.registration.details import by_details
from gmanet.registration.initial_poses import distinct, initial_poses
from gmanet.registration.loose_axes import loose_axes, turned_back
from gmanet.registration.refine import misfit, refined, trimmed
from gmanet.registration.target import Subsample, Target

__all__ = ["best_of_symmetric", "near_symmetries"]

LARGEST = 0.01
"""Largest root mean square distance of a near symmetry, in extents of the target."""

STARTS = 96
"""Number of initial poses of the target on itself."""

MOTIONS = 24
"""Largest number of near symmetries."""

APART = 0.1
"""Least distance of two near symmetries, in radians."""

SELF_ROUNDS = ((256, 4096, 6, 2.0), (1024, 16384, 6, 1.0))
"""Number of points, target points and ICP steps, and limit in ``LARGEST``, of each round in which
near symmetries are found."""

ROUNDS = ((512, 4, 5), (2048, 1, 10))
"""Number of points, of poses that are left, and of ICP steps of each round of the choice."""

SURFACE = 16384
"""Number of target points in the choice."""

_found: WeakKeyDictionary[Target, Doubles] = WeakKeyDictionary()


def near_symmetries(target: Target) -> Doubles:
    """Return the motions that nearly map a target onto itself, the identity first, ``(C, 4, 4)``.

    Lengths are in extents of the target.  The motions are those that the target is stored with, or
    are found once and kept for the target.

    Args:
        target: The target.
    """
    if target.symmetries is not None:
        return target.symmetries
    if target not in _found:
        moving = Subsample(target.points[:2048], target.normal[:2048])
        poses = initial_poses(moving, target, count=STARTS, rng=np.random.default_rng(0))
        for points, surface, steps, limit in SELF_ROUNDS:
            poses, distance = refined(
                poses, moving.points[:points], target=target.surface(surface), steps=steps
            )
            score = trimmed(distance)
            best = distinct(poses, score, count=MOTIONS, apart=APART)
            poses = poses[best[score[best] < (limit * LARGEST) ** 2]]
        _found[target] = np.concatenate([np.eye(4)[None], poses])
    return _found[target]


def best_of_symmetric(pose: Doubles, points: Doubles, *, target: Target) -> tuple[Doubles, Doubles]:
    """Return the best of a pose and its images under the near symmetries, and its distances.

    Turns of the best about loose axes (``registration.loose_axes``) are compared at the end, and
    what fits details clearly better (``registration.details``).

    Args:
        pose: Motion of the points onto the target, with shape ``(4, 4)``.
        points: Points to move, with shape ``(N, 3)``.
        target: The target.

    Returns:
        Pose with shape ``(1, 4, 4)``, distances with shape ``(1, N)``.
    """
    poses = np.einsum("cij,jk->cik", near_symmetries(target), pose)
    for count, left, steps in ROUNDS:
        some, surface = points[:count], target.surface(SURFACE)
        poses, distance = refined(poses, some, target=surface, steps=steps)
        rank = misfit(distance, poses, points=some, target=surface)
        best = np.argsort(rank, kind="stable")[:left]
        poses, distance = poses[best], distance[best]
    fixed = target.surface(SURFACE)
    poses, distance = turned_back(poses, distance, points, target=fixed)
    motions, axes = near_symmetries(target), loose_axes(fixed.points, fixed.normal)
    better = by_details(poses, points, symmetries=motions, axes=axes, target=fixed)
    return (poses, distance) if better is None else better
