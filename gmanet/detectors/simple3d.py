r"""Simple3D [Cheng et al., AAAI 2026]: a memory bank of locally averaged fine descriptors.

Multi-scale neighborhood descriptors (MSND) are the FPFH of every point over its :math:`k`,
:math:`2k` and :math:`3k` nearest points.  Local feature spatial aggregation (LFSA) is their mean
over the :math:`K` points nearest to each of :math:`G` farthest-point centers,
:math:`f_g = \frac{1}{K} \sum_{i \in N_K(g)} \mathrm{MSND}(p_i)`: fine shape remains, noise falls
with :math:`1 / \sqrt{K}`, and only centers are stored and scored.  Their scores
:math:`\min_m \|f_g - m\|` are interpolated to all points and averaged over 12 points around coarser
centers.

The reference code weights the middle scale twice, leaves the sign of normals to chance, and chooses
the object rule for each data set.  Here each scale has weight one, normals point away from the
centroid, and the object rule is always the same.  Neither code registers or rescales clouds; both
work in any pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gmanet.cloud import Cloud
from gmanet.detectors.config import Simple3DConfig
from gmanet.detectors.frameworks import Data
from gmanet.detectors.memory_bank import Described, MemoryDetector
from gmanet.geometry.fpfh import fpfh
from gmanet.geometry.neighbors import farthest_points, interpolate, interpolation, nearest
from gmanet.geometry.pca import pca_normals
from gmanet.geometry.spfh import pooled

__all__ = ["Simple3D", "Simple3DReader"]

NORMAL = 10
"""Number of nearest points that a normal is estimated from."""

SMOOTHING = 12
"""Number of points whose scores are averaged at a coarse center."""


@dataclass(frozen=True, kw_only=True)
class Simple3DReader:
    """A function from a cloud to averaged descriptors of centers, with interpolation to all points.

    Args:
        scale: Number of points in the smallest neighborhood.
        centers: Number of centers, the positions with a feature.
        average: Number of points whose descriptors are averaged at a center.
        coarse: Number of centers of the last smoothing; 0 leaves it out.
    """

    scale: int
    centers: int
    average: int
    coarse: int

    def __call__(self, cloud: Cloud) -> Described:
        """Return the record of a cloud, to fit on or to score."""
        pos = (cloud.pos - cloud.pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
        counts = [times * self.scale for times in (1, 2, 3)]
        every = fpfh(pos, pca_normals(pos, NORMAL), counts=counts)
        center = pos[farthest_points(pos, self.centers)]
        feature = pooled(every, nearest(pos, center, count=self.average)[1])[0]
        near, weight = interpolation(center, pos)
        record = Described(
            feature=torch.from_numpy(feature),
            near=torch.from_numpy(near),
            weight=torch.from_numpy(weight),
            num_nodes=len(cloud),
        )
        if self.coarse:
            coarse = center[: self.coarse]
            near, weight = interpolation(coarse, pos)
            record.around = torch.from_numpy(nearest(pos, coarse, count=SMOOTHING)[1])
            record.coarse = torch.from_numpy(near)
            record.coarse_weight = torch.from_numpy(weight)
        return record


class Simple3D(MemoryDetector):
    """Simple3D: the distance to a greedy coreset of averaged normal descriptors."""

    Config = Simple3DConfig
    config: Simple3DConfig

    def __init__(self, config: Simple3DConfig) -> None:
        super().__init__(config)

    def reader(self) -> Simple3DReader:
        """Return the function from a cloud to averaged descriptors."""
        config = self.config
        return Simple3DReader(
            scale=config.scale, centers=config.centers, average=config.average, coarse=config.coarse
        )

    def bank_rows(self, held: int) -> int:
        """Return the number of rows in a bank that is made of a pool of ``held`` rows."""
        return min(self.config.bank_size, max(1, round(self.config.share * held)))

    def point_scores(self, record: Data) -> Tensor:
        """Return interpolated scores of all points of a cloud, with shape ``(N,)``."""
        points = super().point_scores(record)
        if not self.config.coarse:
            return points
        return interpolate(
            points[record.around].mean(dim=1), record.coarse, weight=record.coarse_weight
        )
