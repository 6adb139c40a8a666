"""Patches of a cloud, the input of a transformer over points, as PyG records."""

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
    """A record of a cloud's patches that PyG can batch.

    ``groups (M, K)`` and ``chosen (M,)`` are indices into ``points (N, 3)``; ``near (N, 3)`` are
    indices into ``chosen``, with the interpolation weights ``weight (N, 3)``.
    """

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the number that a batch adds to the indices of the next cloud."""
        if key in ("groups", "chosen"):
            return len(self.points)
        if key == "near":
            return len(self.chosen)
        return super().__inc__(key, value, *args, **kwargs)


@dataclass(frozen=True, kw_only=True)
class PatchReader:
    """A function from a cloud to patches, with interpolation from their centers to all points.

    Args:
        centers: Number of centers, chosen by farthest point sampling.
        group: Number of points in a patch.
        pose: Rigid motion of a cloud into its pose.
    """

    centers: int
    group: int
    pose: Canonicalizer

    def __call__(self, cloud: Cloud) -> PatchedCloud:
        """Return the record of a cloud, to fit on or to score."""
        return self.patched(self.pose(cloud.pos))

    def patched(self, place: Floats) -> PatchedCloud:
        """Return the record of a cloud.

        Args:
            place: Coordinates in the pose of the reader, with shape ``(N, 3)``.
        """
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
