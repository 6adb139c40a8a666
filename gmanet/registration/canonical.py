"""The pose that a detector reads a cloud in: its own, along its axes, or on a reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Floats
from gmanet.registration.cached import registered
from gmanet.registration.icp import apply
from gmanet.registration.target import Target

__all__ = ["POSES", "Pose", "principal_pose"]

POSES = ("given", "principal", "registered")
"""As the cloud lies, along its principal axes, or laid on a reference of the same part."""


@dataclass(frozen=True)
class Pose:
    """Lay a cloud.

    Args:
        name: One of ``POSES``.
        target: What ``registered`` lays a cloud on; it keeps what several clouds need of it.
    """

    name: str = "given"
    target: Target | None = None

    def __post_init__(self) -> None:
        if self.name not in POSES or (self.name == "registered" and self.target is None):
            raise ValueError(f"pose {self.name!r}, wanted one of {POSES}, registered on a target")

    def __call__(self, pos: Floats) -> Floats:
        """Return the coordinates, about the target's centroid or else their own, ``(N, 3)``.

        Where registration fails the best of its poses is kept: places far from those of normal
        clouds then raise the scores.
        """
        if self.name == "registered":
            assert self.target is not None
            return apply(registered(pos, self.target), pos)
        pos = (pos - pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
        return principal_pose(pos) if self.name == "principal" else pos


def principal_pose(pos: Floats) -> Floats:
    """Return coordinates along the principal axes, longest first, with shape ``(N, 3)``.

    Moving the cloud changes nothing.  The third moments give two axes their signs, a right-handed
    frame the third; parts of high symmetry have no such frame of their own, and noise decides.

    Args:
        pos: Coordinates about their centroid, with shape ``(N, 3)``.
    """
    exact = pos.astype(np.float64)
    axes = np.linalg.eigh(exact.T @ exact)[1][:, ::-1]
    axes = axes * np.where(((exact @ axes) ** 3).sum(axis=0) < 0, -1.0, 1.0)
    axes[:, 2] = np.cross(axes[:, 0], axes[:, 1])
    return np.asarray(exact @ axes, dtype=np.float32)
