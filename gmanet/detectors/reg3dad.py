r"""Reg3D-AD [Liu et al., Real3D-AD, NeurIPS 2023], the registered dual bank of that benchmark.

One bank holds Point-MAE features of farthest-point centers, the other the positions of these
centers, both of clouds that are registered on one reference.  A point scores the mean of its two
standardised distances to the nearest rows, an object its highest point.

The reference code registers every cloud twice, once for each bank; here once.  It brings the two
scores to one scale by the extremes of the test set, which is transductive: the score of a cloud
depends on the others that are tested.  Here held-out normal clouds give the scale
(``detectors.bank``).  Encoder and registration are those of ``detectors.patchcore_pointmae``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.data import Data

from gmanet.cloud import Cloud
from gmanet.detectors.patchcore_pointmae import PointMAE
from gmanet.detectors.pointmae_config import Reg3DADConfig
from gmanet.networks.pointmae.patches import PatchedCloud, PatchReader

__all__ = ["Reg3DAD", "Reg3DReader"]


@dataclass(frozen=True, kw_only=True)
class Reg3DReader(PatchReader):
    """Turn a cloud into patches and places, both after one registration."""

    def __call__(self, cloud: Cloud) -> PatchedCloud:
        """Return the record to store or to score; ``raw (N, 3)`` are positions."""
        place = self.pose(cloud.pos)
        made = self.patched(place)
        made.raw = torch.from_numpy(place)
        return made


class Reg3DAD(PointMAE):
    """The nearest normal features of a transformer over patches, and the nearest normal places."""

    Config = Reg3DADConfig
    config: Reg3DADConfig

    def __init__(self, config: Reg3DADConfig) -> None:
        super().__init__(config, ("feature", "raw"))

    def reader(self) -> Reg3DReader:
        """Return what turns a cloud into patches and places."""
        return Reg3DReader(centers=self.config.centers, group=self.config.group, pose=self.pose)

    def features(self, cloud: Data) -> dict[str, Tensor]:
        """Return features and places of a cloud's centers, the most even first, ``(M, C)``."""
        return {**super().features(cloud), "raw": cloud.raw[cloud.chosen]}

    def point_scores(self, record: Data) -> Tensor:
        """Return the mean of the two banks' standardised distances, with shape ``(N,)``."""
        return (super().point_scores(record) + self.bank_score("raw", record.raw)) / 2
