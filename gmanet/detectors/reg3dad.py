r"""Reg3D-AD [Liu et al., Real3D-AD, NeurIPS 2023]: two memory banks of registered clouds.

Clouds are registered on one reference.  One bank holds Point-MAE features of centers chosen by
farthest point sampling, the other bank the coordinates of these centers.  A point scores the mean
of its two standardized distances to the nearest rows, an object its highest point.

The reference code registers every cloud twice, once for each bank; here once.  It scales the two
scores by the extremes of the test set, so that the score of a cloud depends on the other test
clouds.  Here held-out normal clouds give the scale (``detectors.bank``).  Encoder and registration
are those of ``detectors.patchcore_pointmae``.
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
    """A function from a cloud to patches and coordinates, both after one registration."""

    def __call__(self, cloud: Cloud) -> PatchedCloud:
        """Return the record to fit on or to score; ``raw (N, 3)`` are registered coordinates."""
        place = self.pose(cloud.pos)
        made = self.patched(place)
        made.raw = torch.from_numpy(place)
        return made


class Reg3DAD(PointMAE):
    """Reg3D-AD: distances to the nearest normal patch features and to the nearest coordinates."""

    Config = Reg3DADConfig
    config: Reg3DADConfig

    def __init__(self, config: Reg3DADConfig) -> None:
        super().__init__(config, ("feature", "raw"))

    def reader(self) -> Reg3DReader:
        """Return the function from a cloud to patches and coordinates."""
        return Reg3DReader(centers=self.config.centers, group=self.config.group, pose=self.pose)

    def features(self, cloud: Data) -> dict[str, Tensor]:
        """Return features and coordinates of the centers in the order of sampling, ``(M, C)``."""
        return {**super().features(cloud), "raw": cloud.raw[cloud.chosen]}

    def point_scores(self, record: Data) -> Tensor:
        """Return the mean of the two banks' standardized distances, with shape ``(N,)``."""
        return (super().point_scores(record) + self.bank_score("raw", record.raw)) / 2
