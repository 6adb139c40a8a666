r"""PatchCore [Roth et al., CVPR 2022] on FPFH and coordinates, as in the benchmark of Real3D-AD.

The feature :math:`f` of each point is scored by :math:`\min_{m \in M} \|f - m\|`, with :math:`M` a
greedy coreset of normal features; with several features the score is the mean of their standardized
distances.  An object scores its highest point.

The reference code differs.  It scales the two scores by the extremes of the test set, the clouds
that are to be scored; here normal clouds give the scale.  It ignores the number of neighbors (the
name is misspelt) and always takes one.  It projects 33 channels to 128, and keeps all points of all
clouds; here features are not projected up and memory is bounded.  It registers by RANSAC, with
another result in every run, and for FPFH, too, which does not depend on the pose; here registration
is deterministic and serves the coordinates alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gmanet.cloud import Cloud
from gmanet.detectors.config import PatchCoreConfig
from gmanet.detectors.frameworks import Data
from gmanet.detectors.memory_bank import Described
from gmanet.detectors.registered import RegisteredDetector
from gmanet.geometry.fpfh import part_fpfh
from gmanet.geometry.neighbors import farthest_points
from gmanet.registration.canonical import Canonicalizer

__all__ = ["PatchCore", "PatchCoreReader"]


@dataclass(frozen=True, kw_only=True)
class PatchCoreReader:
    """A function from a cloud to features of all its points.

    Args:
        features: Some of ``raw`` (coordinates) and ``fpfh``.
        samples_per_cloud: Largest number of points of one cloud in the pool of a bank, chosen by
            farthest point sampling.
        pose: Rigid motion of a cloud into the pose of its coordinates.
    """

    features: tuple[str, ...]
    samples_per_cloud: int
    pose: Canonicalizer

    def __call__(self, cloud: Cloud) -> Described:
        """Return the record of a cloud, to fit on or to score."""
        pos = (cloud.pos - cloud.pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
        made = {
            name: self.pose(cloud.pos) if name == "raw" else part_fpfh(pos)
            for name in self.features
        }
        return Described(
            **{name: torch.from_numpy(values) for name, values in made.items()},
            pick=torch.from_numpy(farthest_points(pos, self.samples_per_cloud)),
            num_nodes=len(cloud),
        )


class PatchCore(RegisteredDetector):
    """PatchCore: the distance to a greedy coreset of normal features, at every point."""

    Config = PatchCoreConfig
    config: PatchCoreConfig

    def __init__(self, config: PatchCoreConfig) -> None:
        super().__init__(config, tuple(config.features), pose_matters="raw" in config.features)

    def reader(self) -> PatchCoreReader:
        """Return the function from a cloud to features of all its points."""
        config = self.config
        return PatchCoreReader(
            features=tuple(config.features),
            samples_per_cloud=config.samples_per_cloud,
            pose=self.pose,
        )

    def features(self, cloud: Data) -> dict[str, Tensor]:
        """Return each bank's features of a cloud in the order of sampling, each ``(P, C)``."""
        return {name: cloud[name][cloud.pick] for name in self.config.features}

    def point_scores(self, record: Data) -> Tensor:
        """Return the mean of the banks' standardized distances, with shape ``(N,)``."""
        scores = [self.bank_score(name, record[name]) for name in self.config.features]
        return torch.stack(scores).mean(dim=0)
