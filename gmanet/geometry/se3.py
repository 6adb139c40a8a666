r"""Rigid motions as matrices with shape ``(..., 4, 4)``, their Lie algebra, and least squares.

A twist ``(rotation vector, velocity)`` with shape ``(6,)`` is the logarithm of a motion; twists can
be added and extrapolated.  The motion that aligns points with points by least squares,
without a scale, comes from a singular value decomposition [Kabsch 1976; Umeyama, TPAMI 1991].
Sums over many points use einsum, since the order of summation in BLAS depends on the number of
threads.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from gmanet.cloud import Doubles

__all__ = [
    "adjoint",
    "exp",
    "inverse",
    "log",
    "moved",
    "moved_by_each",
    "parts",
    "rigid",
    "rigid_fit",
    "rotated",
    "rotation_about",
]


SMALL = 1e-6
"""Angle in radians below which the first terms of the series are exact."""


def rigid(rotation: Doubles, translation: Doubles) -> Doubles:
    """Return the motions ``rotation @ p + translation``, with shape ``(..., 4, 4)``.

    Args:
        rotation: Rotation matrices, with shape ``(..., 3, 3)``.
        translation: Translations, with shape ``(..., 3)``.
    """
    motion = np.zeros((*rotation.shape[:-2], 4, 4))
    motion[..., :3, :3], motion[..., :3, 3], motion[..., 3, 3] = rotation, translation, 1
    return motion


def parts(motions: Doubles) -> tuple[Doubles, Doubles]:
    """Return the rotations, ``(C, 3, 3)``, and the translations, ``(C, 3)``, of ``(C, 4, 4)``."""
    rotation, translation = motions[:, :3, :3], motions[:, :3, 3]
    return np.ascontiguousarray(rotation), np.ascontiguousarray(translation)


def moved_by_each(motions: Doubles, points: Doubles) -> Doubles:
    """Return points ``(N, 3)`` after each of several motions ``(C, 4, 4)``, ``(C, N, 3)``."""
    rotation, translation = parts(motions)
    moved = np.einsum("cij,jn->cin", rotation, points.T.copy()) + translation[:, :, None]
    return np.asarray(moved.transpose(0, 2, 1))  # coordinates first in memory: six times faster


def moved(motion: Doubles, pos: npt.NDArray[np.floating]) -> Doubles:
    """Return points ``(N, 3)`` after a motion ``(4, 4)``."""
    return np.asarray(pos @ motion[:3, :3].T + motion[:3, 3])


def rotated(motion: Doubles, vector: npt.NDArray[np.floating]) -> Doubles:
    """Return directions ``(N, 3)`` after a motion ``(4, 4)``."""
    return np.asarray(vector @ motion[:3, :3].T)


def inverse(motion: Doubles) -> Doubles:
    """Return the inverse motions, with shape ``(..., 4, 4)``."""
    back = np.zeros_like(motion)
    back[..., :3, :3] = np.swapaxes(motion[..., :3, :3], -1, -2)
    back[..., :3, 3] = -np.einsum("...ij,...j->...i", back[..., :3, :3], motion[..., :3, 3])
    back[..., 3, 3] = 1
    return back


def rotation_about(axis: Doubles, center: Doubles, *, angle: float) -> Doubles:
    """Return the rotation by an angle in radians about an axis through a center, ``(4, 4)``."""
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_rotvec(angle * axis).as_matrix()
    motion[:3, 3] = center - motion[:3, :3] @ center
    return motion


def exp(twist: Doubles) -> Doubles:
    """Return the motion, with shape ``(4, 4)``, of a twist with shape ``(6,)``."""
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_rotvec(twist[:3]).as_matrix()
    motion[:3, 3] = _jacobian(twist[:3]) @ twist[3:]
    return motion


def log(motion: Doubles) -> Doubles:
    """Return the twist, with shape ``(6,)``, of a motion that rotates by less than pi."""
    vector = Rotation.from_matrix(motion[:3, :3]).as_rotvec()
    return np.concatenate([vector, np.linalg.solve(_jacobian(vector), motion[:3, 3])])


def adjoint(motion: Doubles) -> Doubles:
    """Return the matrix, with shape ``(6, 6)``, that maps twists to the frame after a motion."""
    rotation, (x, y, z) = motion[:3, :3], motion[:3, 3]
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.block([[rotation, np.zeros((3, 3))], [cross @ rotation, rotation]])


def _jacobian(vector: Doubles) -> Doubles:
    """Return the left Jacobian of SO(3), which maps velocities to translations."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    if angle < SMALL:
        return np.asarray(np.eye(3) + cross / 2)
    first = (1 - np.cos(angle)) / angle**2
    second = (angle - np.sin(angle)) / angle**3
    return np.asarray(np.eye(3) + first * cross + second * cross @ cross)


def rigid_fit(source: Doubles, target: Doubles, *, weight: Doubles | None = None) -> Doubles:
    """Return the motions that align points with points with least squares, ``(..., 4, 4)``.

    Args:
        source: Points to move, with shape ``(..., K, 3)``.
        target: Corresponding target of each point, with shape ``(..., K, 3)``.
        weight: Weights of the squared distances, with shape ``(..., K)``; None for ones.
    """
    if weight is None:
        source_centroid, target_centroid = source.mean(axis=-2), target.mean(axis=-2)
        offset = target - target_centroid[..., None, :]
    else:
        share = (weight / weight.sum(axis=-1, keepdims=True))[..., None]
        source_centroid, target_centroid = (
            (share * source).sum(axis=-2),
            (share * target).sum(axis=-2),
        )
        offset = share * (target - target_centroid[..., None, :])
    left, _, right = np.linalg.svd(
        np.einsum("...ki,...kj->...ij", offset, source - source_centroid[..., None, :])
    )
    left[..., 2] *= np.sign(np.linalg.det(left) * np.linalg.det(right))[..., None]
    rotation = np.einsum("...ij,...jk->...ik", left, right)
    return rigid(
        rotation, target_centroid - np.einsum("...ij,...j->...i", rotation, source_centroid)
    )
