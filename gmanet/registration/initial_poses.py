"""Start poses for registration: many rotations, a few of which are near the right one.

Three sources: every way to lay principal axes on principal axes, each also turned about the axes
(parts of revolution have no more axes than one); an even grid of all rotations; and rotations from
three matches of FPFH, which need no common centroid.  A map of distances to the target ranks them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from gmanet.cloud import Indices
from gmanet.registration.target import MATCHED, Doubles, Target, Thinned

__all__ = ["Poses", "distinct", "start_poses"]

GRID = 3000
"""Rotations of the even grid: none is farther than about 12 degrees from the next."""

ABOUT = 9
"""Steps of 10 degrees about an axis; the quarter turns are among the axes' permutations."""

SOUGHT = 256
"""Points of the source that are matched by FPFH."""

TRIPLES = 30_000
"""Triples of matches that are drawn."""

FITTING = 1500
"""Triples with equal sides that are tried at most."""

SIDE = (0.15, 0.03)
"""Least side of a triple and greatest difference between two, as fractions of the extent."""

RANKED = 256
"""Points of the source that are looked up in the distance map."""

LOOKED_AT = 512
"""Poses that are compared with better ones at a time."""

SHIFT = 5.0
"""One radian weighs as much as a shift by this share (its inverse) of the extent."""


@dataclass(frozen=True, eq=False)
class Poses:
    """Motions of a cloud, in extents of the target.

    Args:
        turn: Rotations, with shape ``(C, 3, 3)``.
        shift: What is added after turning, with shape ``(C, 3)``.
    """

    turn: Doubles
    shift: Doubles

    def __getitem__(self, rows: Indices) -> Poses:
        return Poses(self.turn[rows], self.shift[rows])

    def moved(self, points: Doubles) -> Doubles:
        """Return the points in every pose, with shape ``(C, N, 3)``."""
        # einsum, here and elsewhere: BLAS may add up in another order with other thread counts
        moved = np.einsum("cij,jn->cin", self.turn, points.T.copy()) + self.shift[:, :, None]
        return np.asarray(moved.transpose(0, 2, 1))  # coordinates first in memory: six times faster


def start_poses(source: Thinned, target: Target, count: int, rng: np.random.Generator) -> Poses:
    """Return the most promising start poses, best first, apart from each other by 10 degrees.

    Args:
        source: The cloud to move.
        target: The cloud to lay it on.
        count: Poses wanted at most.
        rng: Draws the triples of matches.
    """
    near = [cloud.points[:MATCHED] for cloud in (source, target)]
    by_axes, by_match = _by_axes(*near), _by_matches(source, target, rng)
    poses = Poses(
        np.concatenate([by_axes.turn, by_match.turn]),
        np.concatenate([by_axes.shift, by_match.shift]),
    )
    score = _mapped_distance(poses, source.points[:RANKED], target)
    return poses[distinct(poses, score, count, np.deg2rad(10))]


def distinct(poses: Poses, score: Doubles, count: int, apart: float) -> Indices:
    """Return the best poses' indices, best first, none within ``apart`` radians of a better one."""
    chosen: list[int] = []
    order = np.argsort(score, kind="stable")
    for start in range(0, len(order), LOOKED_AT):  # the first of them are mostly enough
        left = order[start : start + LOOKED_AT]
        for better in chosen:
            left = left[_apart(poses, left, better) >= apart**2]
        while len(chosen) < count and len(left):
            chosen.append(int(left[0]))
            left = left[1:]
            left = left[_apart(poses, left, chosen[-1]) >= apart**2]
        if len(chosen) >= count:
            break
    return np.array(chosen, dtype=np.int64)


def _apart(poses: Poses, some: Indices, other: int) -> Doubles:
    """Return how far poses are from another one, in squared radians, with shape ``(C,)``."""
    chord = ((poses.turn[some] - poses.turn[other]) ** 2).sum(axis=(1, 2)) / 2
    gap = ((poses.shift[some] - poses.shift[other]) ** 2).sum(axis=1)
    return np.asarray(chord + SHIFT**2 * gap)


def _by_axes(source: Doubles, target: Doubles) -> Poses:
    quarter = Rotation.create_group("O").as_matrix()
    angle = np.deg2rad(10) * np.arange(ABOUT)
    about = Rotation.from_rotvec(np.kron(np.eye(3), angle[:, None])).as_matrix()
    axes = np.einsum("aij,bjk->abik", quarter, about).reshape(-1, 3, 3)
    grid = np.concatenate([axes, _even_rotations(GRID)])
    (home, start), (there, goal) = _axes(source), _axes(target)
    turn = np.einsum("ij,cjk,lk->cil", goal, grid, start)
    return Poses(turn, there - np.einsum("cij,j->ci", turn, home))


def _axes(points: Doubles) -> tuple[Doubles, Doubles]:
    """Return the centroid and the principal axes as columns of a rotation."""
    middle = points.mean(axis=0)
    offset = points - middle
    axes = np.linalg.eigh(np.einsum("ni,nj->ij", offset, offset))[1]
    return middle, axes * [1, 1, np.sign(np.linalg.det(axes))]


def _even_rotations(count: int) -> Doubles:
    """Return rotations spread evenly, ``(count, 3, 3)``, by super-Fibonacci spirals.

    Alexa, Super-Fibonacci spirals: fast, low-discrepancy sampling of SO(3), CVPR 2022.
    """
    at = np.arange(count) + 0.5
    inner, outer = np.sqrt(at / count), np.sqrt(1 - at / count)
    alpha, beta = 2 * np.pi * at / np.sqrt(2), 2 * np.pi * at / 1.533751168755204288
    spiral = [inner * np.sin(alpha), inner * np.cos(alpha)]
    spiral += [outer * np.sin(beta), outer * np.cos(beta)]
    return np.asarray(Rotation.from_quat(np.stack(spiral, axis=1)).as_matrix())


def _by_matches(source: Thinned, target: Target, rng: np.random.Generator) -> Poses:
    """Return poses that lay three points on three that look alike."""
    match = cdist(source.described(SOUGHT), target.features).argmin(axis=1)
    triples = rng.integers(0, len(match), (TRIPLES, 3))
    found: list[tuple[Doubles, Doubles]] = []
    for triple in np.split(triples, range(FITTING, TRIPLES, FITTING)):
        one, two = source.points[triple], target.points[match[triple]]
        fits = _equal_sides(one, two)
        found.append((one[fits], two[fits]))
        if sum(len(corners) for corners, _ in found) >= FITTING:
            break
    return _laid(*(np.concatenate(corners)[:FITTING] for corners in zip(*found, strict=True)))


def _equal_sides(one: Doubles, two: Doubles) -> npt.NDArray[np.bool_]:
    """Return which triples of points, with shape ``(C, 3, 3)``, are long and alike, ``(C,)``."""
    side = [np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=2) for corner in (one, two)]
    fits = (np.minimum(*side) > SIDE[0]) & (np.abs(side[0] - side[1]) < SIDE[1])
    return np.asarray(fits.all(axis=1))


def _laid(one: Doubles, two: Doubles) -> Poses:
    """Return the poses that lay points on points with least squares, both ``(C, K, 3)``."""
    home, there = one.mean(axis=1), two.mean(axis=1)
    left, _, right = np.linalg.svd(
        np.einsum("cki,ckj->cij", two - there[:, None], one - home[:, None])
    )
    left[:, :, 2] *= np.sign(np.linalg.det(left) * np.linalg.det(right))[:, None]
    turn = np.einsum("cij,cjk->cik", left, right)
    return Poses(turn, there - np.einsum("cij,cj->ci", turn, home))


def _mapped_distance(poses: Poses, points: Doubles, target: Target) -> Doubles:
    """Return the mean distance to the target, to within a cell of its map, with shape ``(C,)``."""
    return np.asarray(target.distances(poses.turn, poses.shift, points).mean(axis=1), np.float64)
