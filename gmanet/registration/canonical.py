"""The canonical pose of a cloud: as given, along its principal axes, or on a reference cloud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Floats
from gmanet.registration.cached import register_cached
from gmanet.registration.icp import apply
from gmanet.registration.target import Target

__all__ = ["Canonicalizer", "principal_pose", "upright_pose"]


@dataclass(frozen=True)
class Canonicalizer:
    """A function that moves a cloud into its canonical pose.

    Args:
        name: ``given`` (unchanged), ``principal`` (along the principal axes) or ``registered`` (on
            the target).
        target: Reference cloud for ``registered``.
    """

    name: str = "given"
    target: Target | None = None

    def __call__(self, pos: Floats) -> Floats:
        """Return centered coordinates in the canonical pose, with shape ``(N, 3)``.

        The center is the centroid of the target or, without a target, of the cloud.  A failed
        registration still gives its best pose; positions then differ from those of normal clouds
        and raise the scores.
        """
        if self.name == "registered":
            assert self.target is not None
            return apply(register_cached(pos, self.target), pos)
        pos = (pos - pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
        return principal_pose(pos) if self.name == "principal" else pos


def principal_pose(pos: Floats) -> Floats:
    """Return coordinates along the principal axes, longest first, with shape ``(N, 3)``.

    The result does not depend on the pose of the cloud.  Third moments decide the signs of two
    axes, right-handedness that of the third axis; on symmetric parts noise decides the signs.

    Args:
        pos: Coordinates about their centroid, with shape ``(N, 3)``.
    """
    exact = pos.astype(np.float64)
    axes = np.linalg.eigh(exact.T @ exact)[1][:, ::-1]
    axes = axes * np.where(((exact @ axes) ** 3).sum(axis=0) < 0, -1.0, 1.0)
    axes[:, 2] = np.cross(axes[:, 0], axes[:, 1])
    return np.asarray(exact @ axes, dtype=np.float32)


def upright_pose(pos: Floats) -> Floats:
    """Return coordinates along the principal axes, the most distinct one last, ``(N, 3)``.

    The last axis is that of a bolt (the longest one) and of a ring (the shortest); about it and
    upside down, parts still lie in any pose.

    Args:
        pos: Coordinates about their centroid, with shape ``(N, 3)``.
    """
    exact = pos.astype(np.float64)
    size, axes = np.linalg.eigh(exact.T @ exact)
    longest = size[2] * size[0] > size[1] ** 2
    axes = axes if longest else axes[:, [1, 2, 0]]
    axes[:, 0] *= np.sign(np.linalg.det(axes))
    return np.asarray(exact @ axes, dtype=np.float32)
