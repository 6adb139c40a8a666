r"""BTF, Back to the Feature [Horwitz and Hoshen, CVPR Workshops 2023], its point cloud part.

A sampled point's feature :math:`f` is its FPFH or its place.  It scores
:math:`\min_{m \in M} \|f - m\|`, with :math:`M` the sampled points of the normal clouds.

The reference code takes every 100th point of a file for the bank and every 500th to score, so that
the order of a file decides, copies scores to the nearest points, and describes every point to use
one in a hundred.  Here both samples are those of farthest point sampling, scores are interpolated
from three of them, and only these points and their neighbors are described.  The code also weighs
the object score by the three nearest rows; here an object scores its highest point.

Places are not registered: ``raw`` means something only for parts in one pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from gmanet.cloud import Cloud
from gmanet.detectors.config import BTFConfig
from gmanet.detectors.memory_bank import Described, MemoryDetector
from gmanet.geometry.fpfh import part_fpfh
from gmanet.geometry.neighbors import farthest_points, interpolation

__all__ = ["BTF", "BTFReader"]


@dataclass(frozen=True, kw_only=True)
class BTFReader:
    """Turn a cloud into features of some of its points and the way from them to all points.

    Args:
        feature: ``raw`` (place relative to the centroid) or ``fpfh``.
        share: Share of the points that get one.
        min_points: Smallest number of these points.
    """

    feature: str
    share: float
    min_points: int

    def __call__(self, cloud: Cloud) -> Described:
        """Return the record to store or to score."""
        pos = (cloud.pos - cloud.pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
        chosen = farthest_points(pos, max(self.min_points, int(self.share * len(pos))))
        feature = pos[chosen] if self.feature == "raw" else part_fpfh(pos, chosen)
        near, weight = interpolation(pos[chosen], pos)
        return Described(
            feature=torch.from_numpy(feature),
            near=torch.from_numpy(near),
            weight=torch.from_numpy(weight),
            num_nodes=len(cloud),
        )


class BTF(MemoryDetector):
    """The nearest of the sampled normal features."""

    Config = BTFConfig
    config: BTFConfig

    def __init__(self, config: BTFConfig) -> None:
        super().__init__(config)

    def reader(self) -> BTFReader:
        """Return what turns a cloud into features of sampled points."""
        return BTFReader(
            feature=self.config.feature, share=self.config.share, min_points=self.config.min_points
        )
