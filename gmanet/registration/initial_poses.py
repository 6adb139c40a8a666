"""Initial poses for registration, chosen from many candidates.

The candidates are: all alignments of the principal axes, each also rotated in steps about the axes
(parts of revolution have one distinct axis only); a uniform grid of rotations; and poses from three
FPFH matches, which need no common centroid.  A map of distances to the target ranks them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from gmanet.cloud import Doubles, Indices
from gmanet.geometry.se3 import rigid, rigid_fit
from gmanet.registration.target import Subsample, Target

__all__ = ["distinct", "initial_poses"]

GRID = 3000
"""Rotations in the uniform grid; the nearest is at most about 12 degrees from any rotation."""

SPREAD = 384
"""Number of points that give the centroid and the principal axes: few enough that also those of an
unevenly dense scan are spread evenly."""

AXIS_STEPS = 9
"""Steps of 10 degrees about an axis; quarter rotations are among the permutations of the axes."""

QUERIED = 256
"""Points of the source that are matched to the target by FPFH."""

TRIPLES = 30_000
"""Number of triples of matches that are drawn."""

CONGRUENT = 1500
"""Largest number of congruent triples that become poses."""

SIDE = (0.15, 0.03)
"""Least side of a triple and largest difference of two sides, as shares of the extent."""

RANKED = 256
"""Points of the source that rank poses by the distance map."""

COMPARED = 512
"""Number of poses that are compared with the better ones in one block."""

TRANSLATION = 5.0
"""Weight of translation against rotation: 1 rad counts as much as 1/5 of the extent."""


def initial_poses(
    source: Subsample, target: Target, *, count: int, rng: np.random.Generator
) -> Doubles:
    """Return the most promising initial poses, best first, at least 10 degrees from each other.

    They are motions with shape ``(C, 4, 4)``, lengths in extents of the target.

    Args:
        source: The cloud to move.
        target: The cloud to register it on.
        count: Largest number of poses.
        rng: Draws the triples of matches.
    """
    by_axes = _axis_poses(source.points[:SPREAD], target.points[:SPREAD])
    by_match = _match_poses(source, target, rng=rng)
    poses = np.concatenate([by_axes, by_match])
    score = _approximate_distance(poses, source.points[:RANKED], target=target)
    return poses[distinct(poses, score, count=count, apart=np.deg2rad(10))]


def distinct(poses: Doubles, score: Doubles, *, count: int, apart: float) -> Indices:
    """Return the best poses' indices, best first, none within ``apart`` radians of a better one.

    Args:
        poses: Motions with shape ``(C, 4, 4)``; 1/5 of their unit of length counts as one radian.
        score: Lower is better, with shape ``(C,)``.
        count: Largest number of poses.
        apart: Least distance of two poses in radians.
    """
    chosen: list[int] = []
    order = np.argsort(score, kind="stable")
    for start in range(0, len(order), COMPARED):  # the first block is mostly sufficient
        left = order[start : start + COMPARED]
        for better in chosen:
            left = left[_squared_distance(poses, left, other=better) >= apart**2]
        while len(chosen) < count and len(left):
            chosen.append(int(left[0]))
            left = left[1:]
            left = left[_squared_distance(poses, left, other=chosen[-1]) >= apart**2]
        if len(chosen) >= count:
            break
    return np.array(chosen, dtype=np.int64)


def _squared_distance(poses: Doubles, some: Indices, *, other: int) -> Doubles:
    """Return squared distances of poses to one pose, in squared radians, with shape ``(C,)``."""
    difference = poses[some] - poses[other]
    chord = (np.ascontiguousarray(difference[:, :3, :3]) ** 2).sum(axis=(1, 2)) / 2
    gap = (np.ascontiguousarray(difference[:, :3, 3]) ** 2).sum(axis=1)
    return np.asarray(chord + TRANSLATION**2 * gap)


def _axis_poses(source: Doubles, target: Doubles) -> Doubles:
    quarter = Rotation.create_group("O").as_matrix()
    angle = np.deg2rad(10) * np.arange(AXIS_STEPS)
    about = Rotation.from_rotvec(np.kron(np.eye(3), angle[:, None])).as_matrix()
    axes = np.einsum("aij,bjk->abik", quarter, about).reshape(-1, 3, 3)
    grid = np.concatenate([axes, _uniform_rotations(GRID)])
    (source_centroid, start), (target_centroid, goal) = _axes(source), _axes(target)
    rotation = np.einsum("ij,cjk,lk->cil", goal, grid, start)
    return rigid(rotation, target_centroid - np.einsum("cij,j->ci", rotation, source_centroid))


def _axes(points: Doubles) -> tuple[Doubles, Doubles]:
    """Return the centroid and the principal axes as columns of a rotation."""
    centroid = points.mean(axis=0)
    offset = points - centroid
    axes = np.linalg.eigh(np.einsum("ni,nj->ij", offset, offset))[1]
    return centroid, axes * [1, 1, np.sign(np.linalg.det(axes))]


def _uniform_rotations(count: int) -> Doubles:
    """Return uniformly spread rotations, ``(count, 3, 3)``, by super-Fibonacci spirals.

    Alexa, Super-Fibonacci spirals: fast, low-discrepancy sampling of SO(3), CVPR 2022.
    """
    at = np.arange(count) + 0.5
    inner, outer = np.sqrt(at / count), np.sqrt(1 - at / count)
    alpha, beta = 2 * np.pi * at / np.sqrt(2), 2 * np.pi * at / 1.533751168755204288
    spiral = [inner * np.sin(alpha), inner * np.cos(alpha)]
    spiral += [outer * np.sin(beta), outer * np.cos(beta)]
    return np.asarray(Rotation.from_quat(np.stack(spiral, axis=1)).as_matrix())


def _match_poses(source: Subsample, target: Target, *, rng: np.random.Generator) -> Doubles:
    """Return poses that align three points of the source with their FPFH matches."""
    match = cdist(source.describe(QUERIED), target.features).argmin(axis=1)
    triples = rng.integers(0, len(match), (TRIPLES, 3))
    found: list[tuple[Doubles, Doubles]] = []
    for triple in np.split(triples, range(CONGRUENT, TRIPLES, CONGRUENT)):
        one, two = source.points[triple], target.points[match[triple]]
        fits = _congruent(one, two)
        found.append((one[fits], two[fits]))
        if sum(len(corners) for corners, _ in found) >= CONGRUENT:
            break
    return rigid_fit(*(np.concatenate(corners)[:CONGRUENT] for corners in zip(*found, strict=True)))


def _congruent(one: Doubles, two: Doubles) -> npt.NDArray[np.bool_]:
    """Return which pairs of triangles, ``(C, 3, 3)``, are large and congruent, ``(C,)``."""
    side = [np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=2) for corner in (one, two)]
    fits = (np.minimum(*side) > SIDE[0]) & (np.abs(side[0] - side[1]) < SIDE[1])
    return np.asarray(fits.all(axis=1))


def _approximate_distance(poses: Doubles, points: Doubles, *, target: Target) -> Doubles:
    """Return mean distances to the target, accurate to one cell of its map, ``(C,)``."""
    return np.asarray(target.distances(poses, points).mean(axis=1), np.float64)
