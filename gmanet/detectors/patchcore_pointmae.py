r"""PatchCore on Point-MAE features, as in the benchmark of Real3D-AD.

Centers are chosen by farthest point sampling; a transformer over the centers' patches, the 128
nearest points of each center, computes their features :math:`f` (``networks.pointmae.encoder``).  A
center scores :math:`\min_{m \in M} \|f - m\|`, with :math:`M` a greedy coreset of normal features;
the scores of points are interpolated from the three nearest centers.

The published weights were trained on ShapeNet.  Without their file, the encoder is pre-trained by
masked reconstruction of the normal clouds before the bank is made, and tables call the detector
``self-pretrained``.  The default sizes of the encoder are for this case and a CPU.

The reference code registers every cloud by RANSAC, with another result in every run; here
registration is deterministic (``detectors.registered``).  The reference code feeds the encoder
millimeters; here the farthest point of a cloud has distance 1 from its centroid, as in the training
of the published weights.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from gmanet.cloud import Cloud
from gmanet.detectors.pointmae_config import PointMAEConfig
from gmanet.detectors.registered import RegisteredDetector
from gmanet.geometry.neighbors import interpolate
from gmanet.networks.pointmae.encoder import PointEncoder
from gmanet.networks.pointmae.patches import PatchReader
from gmanet.networks.pointmae.pretrained_weights import load_official
from gmanet.networks.pointmae.pretraining_cache import pretrained
from gmanet.registration.canonical import Canonicalizer

__all__ = ["PointMAE"]

LEARNED = (16, 256)
"""Largest number of normal clouds, and of patches of each, in pre-training: a bound on memory."""


class PointMAE(RegisteredDetector):
    """The distance to a greedy coreset of normal features of a transformer over patches."""

    Config = PointMAEConfig
    config: PointMAEConfig

    def __init__(self, config: PointMAEConfig, banks: tuple[str, ...] = ("feature",)) -> None:
        super().__init__(config, banks)
        self.encoder = PointEncoder(
            config.encoder, config.width, depth=config.depth, heads=config.heads
        )
        self.encoder.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> PointMAE:
        """Set the mode of all modules but the encoder, which stays in eval mode."""
        super().train(mode)
        self.encoder.eval()
        return self

    def reader(self) -> PatchReader:
        """Return the function from a cloud to patches."""
        return PatchReader(centers=self.config.centers, group=self.config.group, pose=self.pose)

    def on_fit_start(self) -> None:
        """Load the official weights, or pre-train the encoder on the normal clouds."""
        config = self.config
        if config.weights:
            official = load_official(
                config.weights,
                config.encoder,
                width=config.width,
                depth=config.depth,
                heads=config.heads,
            )
            self.encoder.load_state_dict(official.state_dict())
            return
        rng = np.random.default_rng(self.seed)
        clouds = self.trainer.datamodule.train  # type: ignore[attr-defined]
        chosen = rng.permutation(len(clouds))[: LEARNED[0]]
        patches = [self._patches(clouds[int(index)]) for index in chosen]
        self.encoder.requires_grad_(True)
        pretrained(self.encoder, patches, steps=config.pretraining, rng=rng)

    def _patches(self, cloud: Cloud) -> tuple[Tensor, Tensor]:
        """Return patches that cover a cloud twice, as in Point-MAE, and their centers.

        Pre-training rotates them at random, so that the pose of the cloud does not matter.
        """
        group = min(self.config.group, len(cloud))
        count = min(LEARNED[1], max(2, 2 * len(cloud) // group), len(cloud))
        made = PatchReader(centers=count, group=group, pose=Canonicalizer("given"))(cloud)
        centers = made.points[made.chosen]
        return made.points[made.groups] - centers[:, None], centers

    @torch.no_grad()
    def features(self, cloud: Data) -> dict[str, Tensor]:
        """Return the features of a cloud's centers in the order of sampling, ``(M, C)``."""
        return {"feature": self.encoder(cloud.points, cloud.groups, cloud.chosen)}

    def point_scores(self, record: Data) -> Tensor:
        """Return interpolated scores of all points of a cloud, with shape ``(N,)``."""
        scores = self.bank_score("feature", self.features(record)["feature"])
        return interpolate(scores, record.near, weight=record.weight)
