r"""BTF, Back to the Feature [Horwitz and Hoshen, CVPR Workshops 2023], on point clouds alone.

The feature :math:`f` of a sampled point is its FPFH (``fpfh``) or its position (``raw``).  The
point scores :math:`\min_{m \in M} \|f - m\|`, with :math:`M` the features of sampled points of the
normal clouds.

The reference code stores every 100th point of a normal file and scores every 500th of a test file,
so that the result depends on the order of points in the file; it copies scores to the nearest
points, and computes features of all points.  Here both samples come from farthest point sampling,
scores are interpolated from the three nearest samples, and features are computed of the samples
alone.  The reference code also weights the object score by the three nearest rows; here an object
scores its highest point.

Positions are not registered: ``raw`` works only for parts that were scanned in one pose.
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
    """A function from a cloud to features of sampled points, with interpolation to all points.

    Args:
        feature: ``raw`` (position relative to the centroid) or ``fpfh``.
        share: Share of the points that are sampled.
        min_points: Smallest number of sampled points.
    """

    feature: str
    share: float
    min_points: int

    def __call__(self, cloud: Cloud) -> Described:
        """Return the record of a cloud, to fit on or to score."""
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
    """BTF: the distance to the nearest feature of the sampled normal points."""

    Config = BTFConfig
    config: BTFConfig

    def __init__(self, config: BTFConfig) -> None:
        super().__init__(config)

    def reader(self) -> BTFReader:
        """Return the function from a cloud to features of sampled points."""
        return BTFReader(
            feature=self.config.feature, share=self.config.share, min_points=self.config.min_points
        )
