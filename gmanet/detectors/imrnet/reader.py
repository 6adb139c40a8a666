"""The reader of IMRNet: patches of a geometry-aware sample of a cloud."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch

from gmanet.cloud import Cloud
from gmanet.detectors.imrnet.sampling import aware_points
from gmanet.geometry.neighbors import farthest_points, interpolation, nearest
from gmanet.networks.pointmae.patches import PatchedCloud
from gmanet.registration.canonical import Canonicalizer

__all__ = ["SampledReader"]


@dataclass(frozen=True, kw_only=True)
class SampledReader:
    """A function from a cloud to patches of a geometry-aware sample.

    Training passes over the train clouds many times, so their records can be cached.

    Args:
        points: Number of sampled points.
        share: Share of the sampled points where the surface changes most.
        centers: Number of patches, whose centers are chosen by farthest point sampling.
        group: Number of points in a patch.
        pose: Rigid motion of a cloud before it is sampled.
        held: Cache of records, by the bytes of the cloud's coordinates.
    """

    points: int
    share: float
    centers: int
    group: int
    pose: Canonicalizer
    held: dict[bytes, PatchedCloud] = field(default_factory=dict, compare=False, repr=False)

    def hold(self, clouds: Iterable[Cloud]) -> list[PatchedCloud]:
        """Return the records of some clouds, and add them to the cache."""
        made = {cloud.pos.tobytes(): self(cloud) for cloud in clouds}
        self.held.update(made)
        return list(made.values())

    def __call__(self, cloud: Cloud) -> PatchedCloud:
        """Return the record of a cloud, from the cache if it is there."""
        key = cloud.pos.tobytes() if self.held else b""
        if key in self.held:
            return copy.copy(self.held[key])  # the caller may add fields
        pos = self.pose(cloud.pos)
        pos = pos - pos.mean(axis=0, dtype=np.float64).astype(np.float32)
        pos /= max(float(np.linalg.norm(pos, axis=1).max()), 1e-12)
        kept = aware_points(pos, self.points, share=self.share)
        chosen = kept[farthest_points(pos[kept], self.centers)]
        center = pos[chosen]
        near, weight = interpolation(center, pos)
        return PatchedCloud(
            points=torch.from_numpy(pos),
            chosen=torch.from_numpy(chosen),
            groups=torch.from_numpy(kept[nearest(pos[kept], center, count=self.group)[1]]),
            near=torch.from_numpy(near),
            weight=torch.from_numpy(weight),
            num_nodes=len(cloud),
        )

    def of_train(self, cloud: Cloud) -> PatchedCloud:
        """Return the record to train on: patches alone, without the interpolation to points."""
        record = self(cloud)
        del record["near"], record["weight"]
        return record
