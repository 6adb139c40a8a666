"""PyG records of a cloud's patches: what a transformer over points reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch_geometric.data import Data

from gmanet.cloud import Cloud, Floats
from gmanet.geometry.neighbors import farthest_points, interpolation, nearest
from gmanet.registration.canonical import Canonicalizer

__all__ = ["PatchReader", "PatchedCloud"]


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


@dataclass(frozen=True, kw_only=True)
class PatchReader:
    """Turn a cloud into patches and the way from their centers to all points.

    Args:
        centers: Places with a feature, by farthest point sampling.
        group: Points of a patch.
        pose: Moves a cloud into one pose first.
    """

    centers: int
    group: int
    pose: Canonicalizer

    def __call__(self, cloud: Cloud) -> PatchedCloud:
        """Return the record to store or to score."""
        return self.patched(self.pose(cloud.pos))

    def patched(self, place: Floats) -> PatchedCloud:
        """Return the record of a cloud in its pose, with shape ``(N, 3)``."""
        pos = place - place.mean(axis=0, dtype=np.float64).astype(np.float32)
        pos /= max(float(np.linalg.norm(pos, axis=1).max()), 1e-12)
        chosen = farthest_points(pos, self.centers)
        center = pos[chosen]
        near, weight = interpolation(center, pos)
        return PatchedCloud(
            points=torch.from_numpy(pos),
            chosen=torch.from_numpy(chosen),
            groups=torch.from_numpy(nearest(pos, center, count=self.group)[1]),
            near=torch.from_numpy(near),
            weight=torch.from_numpy(weight),
            num_nodes=len(pos),
        )
