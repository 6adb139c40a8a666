"""The prior of the motion between two views: a rotation about the turntable's axis.

A motion is described by a tilt of the axis, a rotation about the axis, and a shift of its center.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from gmanet.cloud import Doubles, Labels
from gmanet.geometry.se3 import rotation_about

__all__ = ["MotionPrior", "common_axis"]


@dataclass(frozen=True, eq=False, kw_only=True)
class MotionPrior:
    """The nominal motion between two views, and its tolerances.

    Args:
        axis: Unit direction of the turntable's axis, with shape ``(3,)``.
        center: A point on the axis, near the part, in the unit of the views, with shape ``(3,)``.
        step: Nominal angle of rotation, in radians.
        width: Largest deviation of the angle, in radians.
        tilt: Largest deviation of the axis, in radians.
        shift: Largest shift of the center, in the unit of the views.
    """

    axis: Doubles
    center: Doubles
    step: float
    width: float
    tilt: float
    shift: float

    @property
    def nominal(self) -> Doubles:
        """The nominal motion, with shape ``(4, 4)``."""
        return rotation_about(self.axis, self.center, angle=self.step)

    def excess_angle(self, motions: Doubles) -> Doubles:
        """Return the angles of motions ``(C, 4, 4)`` minus the nominal one, with shape ``(C,)``."""
        rest = motions[:, :3, :3] @ self.nominal[:3, :3].T
        twist = (
            np.stack(
                [
                    rest[:, 2, 1] - rest[:, 1, 2],
                    rest[:, 0, 2] - rest[:, 2, 0],
                    rest[:, 1, 0] - rest[:, 0, 1],
                ],
                axis=1,
            )
            @ self.axis
        )
        cosine = np.trace(rest, axis1=1, axis2=2) - np.einsum(
            "i,cij,j->c", self.axis, rest, self.axis
        )
        return np.asarray(np.arctan2(twist, cosine))

    def allows(self, motions: Doubles, slack: float = 1.0) -> Labels:
        """Return which motions ``(C, 4, 4)`` are within the tolerances times ``slack``."""
        upright = np.einsum("i,cij,j->c", self.axis, motions[:, :3, :3], self.axis)
        off = np.einsum("cij,j->ci", motions[:, :3, :3], self.center)
        off += motions[:, :3, 3] - self.center
        return np.asarray(
            (np.abs(self.excess_angle(motions)) <= slack * self.width)
            & (upright >= np.cos(slack * self.tilt))
            & (np.linalg.norm(off, axis=1) <= slack * self.shift)
        )

    def angle_grid(self, spacing: float) -> Doubles:
        """Return rotations at regular angles, ``spacing`` apart or less, ``(C, 4, 4)``."""
        half = int(np.ceil(self.width / spacing))
        return np.stack(
            [
                rotation_about(self.axis, self.center, angle=self.step + angle)
                for angle in np.linspace(-self.width, self.width, 2 * half + 1)
            ]
        )

    def reverse(self) -> MotionPrior:
        """Return the prior of the inverse motion."""
        return MotionPrior(
            axis=self.axis,
            center=self.center,
            step=-self.step,
            width=self.width,
            tilt=self.tilt,
            shift=self.shift,
        )

    def cylindrical(self, pos: Doubles) -> tuple[Doubles, Doubles, Doubles]:
        """Return distances from the axis, angles about it and heights of points ``(..., 3)``."""
        offset = pos - self.center
        height = offset @ self.axis
        across = np.linalg.svd(self.axis[None])[2][1:]
        across[1] = np.cross(self.axis, across[0])
        flat = offset @ across.T
        return np.hypot(flat[..., 0], flat[..., 1]), np.arctan2(flat[..., 1], flat[..., 0]), height


def common_axis(motions: Doubles, prior: MotionPrior) -> tuple[Doubles, Doubles]:
    """Return the direction and a center of the axis of motions ``(C, 4, 4)``.

    Args:
        motions: Rotations about nearly one axis.
        prior: Prior whose axis determines the sign, and whose center determines the position along
            the axis.
    """
    vectors = Rotation.from_matrix(motions[:, :3, :3]).as_rotvec()
    sign = np.sign(vectors @ prior.axis)[:, None]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    axis = np.median(sign * vectors / np.maximum(lengths, 1e-9), axis=0)
    axis /= np.linalg.norm(axis)
    # (1 - R) center = shift determines the center across the axis, the prior along the axis.
    matrix = np.concatenate([*(np.eye(3) - motions[:, :3, :3]), 1e-6 * axis[None]])
    vector = np.concatenate([*motions[:, :3, 3], [1e-6 * float(axis @ prior.center)]])
    return axis, np.asarray(np.linalg.lstsq(matrix, vector)[0])
