"""PyG records of a cloud's patches: what a transformer over points reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch_geometric.data import Data

from gmanet.cloud import Cloud, Floats
from gmanet.geometry.neighbors import farthest_points, inverse_distance, nearest

__all__ = ["POSES", "PatchReader", "PatchedCloud", "principal_pose"]

POSES = ("given", "principal")
"""As the cloud lies, or along its principal axes."""


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


class PatchedCloud(Data):
    """A cloud's patches that pack into one PyG batch.

    ``groups`` and ``chosen`` are rows of ``points``, ``near`` are rows of ``chosen``.
    """

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return by how much a batch shifts the indices of the next cloud."""
        if key in ("groups", "chosen"):
            return len(self.points)
        if key == "near":
            return len(self.chosen)
        return super().__inc__(key, value, *args, **kwargs)


@dataclass(frozen=True)
class PatchReader:
    """Turn a cloud into patches and the way from their centers to all points.

    Args:
        centers: Places with a feature, by farthest point sampling.
        group: Points of a patch.
        pose: ``given`` or ``principal``.
    """

    centers: int
    group: int
    pose: str

    def __call__(self, cloud: Cloud) -> PatchedCloud:
        """Return the record to remember or to score."""
        pos = (cloud.pos - cloud.pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
        if self.pose == "principal":
            pos = principal_pose(pos)
        pos /= max(float(np.linalg.norm(pos, axis=1).max()), 1e-12)
        chosen = farthest_points(pos, self.centers)
        center = pos[chosen]
        distance, near = nearest(center, pos, 3)
        return PatchedCloud(
            points=torch.from_numpy(pos),
            chosen=torch.from_numpy(chosen),
            groups=torch.from_numpy(nearest(pos, center, self.group)[1]),
            near=torch.from_numpy(near),
            weight=torch.from_numpy(inverse_distance(distance)),
            num_nodes=len(cloud),
        )
