"""Registration of a cloud on a reference cloud of the same part by ICP from many initial poses.

ICP refines the initial poses (:mod:`gmanet.registration.initial_poses`) in three rounds, each with
fewer poses and more points; the pose with the least trimmed distance to the surface wins.  ICP
minimizes distances to tangent planes [Chen and Medioni 1992] with Tukey's weights, plus a hundredth
of the distances to points, which determines a pose where the planes leave it free.

The result is reproducible: there are no threads, rows are sorted first, and the seed determines all
random numbers.  It does not depend on the signs of normals.  To register many clouds on
one reference, make its ``Target`` once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from gmanet.cloud import Doubles, Floats
from gmanet.geometry.jit import compiled
from gmanet.geometry.se3 import moved_by_each, parts, rigid
from gmanet.registration.initial_poses import distinct, initial_poses
from gmanet.registration.target import Surface, Target, canonical_order, subsample

__all__ = ["Registration", "apply", "register"]

POINTS = 2048
"""Points in the subsample of the source."""

ROUNDS = ((24, 128, 2048, 6), (6, 512, 16384, 4), (2, 2048, 16384, 10))
"""Number of poses, source points, target points and ICP steps of each round."""

DISTINCT = 0.02
"""Least distance of two poses after a round, in radians; closer poses are merged."""

POINT = 0.01
"""Weight of squared distances to points against squared distances to planes, which weigh 1."""

TUKEY_CUT = 4.0
"""Cut-off of Tukey's weights, in medians of the distance: farther points weigh 0."""

TRIMMED = 0.9
"""Share of the points, the nearest ones, whose distances rank the poses."""

CONVERGED = 1e-5
"""Convergence: the largest step of any pose, in radians and in extents of the target."""

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


def register(source: Floats, target: Floats | Target, *, seed: int = 0) -> Registration:
    """Return the registration of ``source``, in any pose, on ``target``.

    Args:
        source: The cloud to move, with shape ``(N, 3)``; a small part of it may be defective.
        target: A cloud of the same part in the same unit, with shape ``(M, 3)``, or its
            ``Target.of``.
        seed: Seed of the randomly drawn triples of feature matches.

    Raises:
        InputError: A cloud that :meth:`gmanet.cloud.Cloud.checked` refuses.
    """
    rows = canonical_order(source, "registration, source")
    fixed = target if isinstance(target, Target) else Target.of(target)
    length = fixed.length
    moving, source_centroid = subsample(rows, length, count=POINTS)
    poses = initial_poses(moving, fixed, count=ROUNDS[0][0], rng=np.random.default_rng(seed))
    for wanted, points, surface, steps in ROUNDS:
        poses = poses[:wanted]
        poses, distance = _icp(
            poses, moving.points[:points], target=fixed.surface(surface), steps=steps
        )
        score = np.sort(distance, axis=1)[:, : int(TRIMMED * distance.shape[1])] ** 2
        best = distinct(poses, score.mean(axis=1), count=wanted, apart=DISTINCT)
        poses, distance = poses[best], distance[best]
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


def _icp(
    poses: Doubles, points: Doubles, *, target: Surface, steps: int
) -> tuple[Doubles, Doubles]:
    """Return the poses after ICP, and each point's distance to the surface, ``(C, N)``."""
    for _ in range(steps):
        moved = moved_by_each(poses, points)
        at = target.nearest(moved)
        gap, normal = target.points[at] - moved, target.normal[at]
        step = _step(
            moved,
            gap,
            normal=normal,
            weight=_tukey(_surface_distance(gap, normal, spacing=target.spacing)),
        )
        rotation = Rotation.from_rotvec(step[:, :3]).as_matrix()
        before, shift = parts(poses)
        poses = rigid(
            np.einsum("cij,cjk->cik", rotation, before),
            np.einsum("cij,cj->ci", rotation, shift) + step[:, 3:],
        )
        if np.abs(step).max() < CONVERGED:
            break
    moved = moved_by_each(poses, points)
    at = target.nearest(moved)
    return poses, _surface_distance(
        target.points[at] - moved, target.normal[at], spacing=target.spacing
    )


def _surface_distance(gap: Doubles, normal: Doubles, *, spacing: float) -> Doubles:
    """Return distances to tangent planes that end at the points' spacing, with shape ``(C, N)``."""
    square = np.einsum("cni,cni->cn", gap, gap)
    plane = np.einsum("cni,cni->cn", gap, normal) ** 2
    aside = np.sqrt(np.maximum(square - plane, 0))
    return np.asarray(np.sqrt(plane + np.maximum(aside - spacing, 0) ** 2))


def _tukey(distance: Doubles) -> Doubles:
    """Return weights that fall from 1 to 0 at ``TUKEY_CUT`` medians, with shape ``(C, N)``."""
    scale = TUKEY_CUT * np.median(distance, axis=1, keepdims=True) + 1e-9
    return np.asarray(np.maximum(1 - (distance / scale) ** 2, 0) ** 2)


def _step(moved: Doubles, gap: Doubles, *, normal: Doubles, weight: Doubles) -> Doubles:
    """Return the small rotation and translation of least squares, with shape ``(C, 6)``."""
    matrix, vector = np.zeros((len(moved), 6, 6)), np.zeros((len(moved), 6))
    _accumulate(moved, gap, normal, weight, matrix, vector)
    ridge = 1e-9 * np.trace(matrix, axis1=1, axis2=2)[:, None, None] + 1e-30
    solved = np.linalg.solve(matrix + ridge * np.eye(6), vector[:, :, None])
    return np.asarray(solved[:, :, 0])


@compiled
def _accumulate(
    moved: Doubles,
    gap: Doubles,
    normal: Doubles,
    weight: Doubles,
    matrix: Doubles,
    vector: Doubles,
) -> None:
    """Accumulate the normal equations of each pose, one point after the other.

    A small rotation and translation ``u`` moves a point ``p`` along a direction ``n`` by
    ``(p x n, n) . u``.  The directions are the normal and, each with the weight ``POINT``, the
    three axes.
    """
    for pose in range(weight.shape[0]):
        for at in range(weight.shape[1]):
            x, y, z = moved[pose, at]
            a, b, c = normal[pose, at]
            plane, point = weight[pose, at], POINT * weight[pose, at]
            reach = gap[pose, at]
            lever = (y * c - z * b, z * a - x * c, x * b - y * a, a, b, c)
            rest = a * reach[0] + b * reach[1] + c * reach[2]
            _add(lever, (0, 1, 2, 3, 4, 5), plane, rest, matrix[pose], vector[pose])
            _add((z, -y, 1.0), (1, 2, 3), point, reach[0], matrix[pose], vector[pose])
            _add((-z, x, 1.0), (0, 2, 4), point, reach[1], matrix[pose], vector[pose])
            _add((y, -x, 1.0), (0, 1, 5), point, reach[2], matrix[pose], vector[pose])


@compiled
def _add(
    lever: tuple[float, ...],
    rows: tuple[int, ...],
    weight: float,
    rest: float,
    matrix: Doubles,
    vector: Doubles,
) -> None:
    """Add one equation, whose coefficients are 0 outside the named rows."""
    for i in range(len(rows)):
        scaled = weight * lever[i]
        vector[rows[i]] += scaled * rest
        for j in range(len(rows)):
            matrix[rows[i], rows[j]] += scaled * lever[j]
