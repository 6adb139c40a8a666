r"""PatchCore [Roth et al., CVPR 2022] on FPFH and places, as Real3D-AD's benchmark has it.

Every point is scored by :math:`\min_{m \in M} \|f - m\|` in the greedy coreset :math:`M` of the
normal features :math:`f`; with several features the score is the mean of their standardised
distances.  An object scores its highest point.

The reference code brings the two scores to one scale by the extremes of the test set, which uses
the clouds that it is to judge; here normal clouds give the scale.  Its number of neighbors is
misspelt and stays one; here it counts.  It projects 33 channels up to 128 and holds all points of
all clouds; here neither.  It registers by RANSAC, differently on every run, and also for FPFH,
which no pose changes; here registration is deterministic and for places alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from gmanet.cloud import Cloud
from gmanet.detectors.config import PatchCoreConfig
from gmanet.detectors.memory_bank import Described
from gmanet.detectors.registered import RegisteredDetector
from gmanet.geometry.fpfh import part_fpfh
from gmanet.geometry.neighbors import farthest_points
from gmanet.registration.canonical import Canonicalizer

__all__ = ["PatchCore", "PatchCoreReader"]


@dataclass(frozen=True, kw_only=True)
class PatchCoreReader:
    """Turn a cloud into features of all its points.

    Args:
        features: Of ``raw`` (place) and ``fpfh``.
        samples_per_cloud: Number of points of a cloud that may enter a bank, by farthest point
            sampling.
        pose: Moves a cloud into one pose before its positions are read.
    """

    features: tuple[str, ...]
    samples_per_cloud: int
    pose: Canonicalizer

    def __call__(self, cloud: Cloud) -> Described:
        """Return the record to store or to score."""
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
    """The nearest of the greedily chosen normal features, at every point."""

    Config = PatchCoreConfig
    config: PatchCoreConfig

    def __init__(self, config: PatchCoreConfig) -> None:
        super().__init__(config, tuple(config.features), pose_matters="raw" in config.features)

    def reader(self) -> PatchCoreReader:
        """Return what turns a cloud into features of all its points."""
        config = self.config
        return PatchCoreReader(
            features=tuple(config.features),
            samples_per_cloud=config.samples_per_cloud,
            pose=self.pose,
        )

    def features(self, cloud: Data) -> dict[str, Tensor]:
        """Return what each bank may store of a cloud, the most even rows first, ``(P, C)``."""
        return {name: cloud[name][cloud.pick] for name in self.config.features}

    def point_scores(self, record: Data) -> Tensor:
        """Return the mean of the banks' standardised distances, with shape ``(N,)``."""
        scores = [self.bank_score(name, record[name]) for name in self.config.features]
        return torch.stack(scores).mean(dim=0)
