r"""Curvature: a memory bank of surface variations, the simplest baseline without a network.

The feature of a center is the logarithm of the surface variation
:math:`\lambda_0 / (\lambda_0 + \lambda_1 + \lambda_2)` [Pauly et al., IEEE Visualization 2002]
over neighborhoods of three sizes; the score is the mean distance to the nearest features of normal
clouds.  Curvature itself as the score would mark every edge and thread; the distance marks
curvatures that normal clouds do not have.  The detector is this package's own, without a reference
implementation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from gmanet.cloud import Cloud
from gmanet.detectors.config import CURVATURE_SIZES, CurvatureConfig
from gmanet.detectors.memory_bank import Described, MemoryDetector
from gmanet.geometry.curvature import surface_variation
from gmanet.geometry.neighbors import farthest_points, interpolation, nearest

__all__ = ["Curvature", "CurvatureReader"]

FLAT = 1e-4
"""Surface variation, without unit, that is added before the logarithm: smaller variations are noise
of the scanner."""


@dataclass(frozen=True)
class CurvatureReader:
    """A function from a cloud to surface variations of centers, with interpolation to all points.

    Args:
        centers: Number of centers, chosen by farthest point sampling, so that neighborhoods have
            the same size in scans of any resolution.
    """

    centers: int

    def __call__(self, cloud: Cloud) -> Described:
        """Return the record of a cloud, to fit on or to score."""
        pos = (cloud.pos - cloud.pos.mean(axis=0, dtype=np.float64)).astype(np.float32)
        center = pos[farthest_points(pos, self.centers)]
        around = nearest(center, center, count=CURVATURE_SIZES[-1])[1]
        bend = [surface_variation(center, around[:, :size]) for size in CURVATURE_SIZES]
        near, weight = interpolation(center, pos)
        return Described(
            feature=torch.from_numpy(np.log(np.stack(bend, axis=1) + np.float32(FLAT))),
            near=torch.from_numpy(near),
            weight=torch.from_numpy(weight),
            num_nodes=len(cloud),
        )


class Curvature(MemoryDetector):
    """The distance to the nearest surface variations of normal clouds."""

    Config = CurvatureConfig
    config: CurvatureConfig

    def __init__(self, config: CurvatureConfig) -> None:
        super().__init__(config)

    def reader(self) -> CurvatureReader:
        """Return the function from a cloud to its surface variations."""
        return CurvatureReader(self.config.centers)
