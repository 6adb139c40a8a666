r"""PatchCore on Point-MAE features, as Real3D-AD's benchmark has it.

A farthest-point center's feature :math:`f` is what a transformer makes of the 128 points nearest to
each center (``networks.pointmae.encoder``).  It scores :math:`\min_{m \in M} \|f - m\|` in the
greedy coreset :math:`M` of normal features; every point takes its score from the three nearest
centers.

The published weights come from ShapeNet.  Where their file is not given, the encoder learns masked
reconstruction on normal clouds before the bank is made, and the row is ``self-pretrained``.  Its
sizes are then for a processor.

The reference registers every cloud by RANSAC, differently on every run; here registration is
deterministic (``detectors.registered``).  It measures in millimeters; here the farthest point has
distance one, as in the encoder's own training.
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
"""Normal clouds, and patches of each, that pre-training reads: a bound on memory."""


class PointMAE(RegisteredDetector):
    """The nearest of the greedily chosen normal features of a transformer over patches."""

    Config = PointMAEConfig
    config: PointMAEConfig

    def __init__(self, config: PointMAEConfig, banks: tuple[str, ...] = ("feature",)) -> None:
        super().__init__(config, banks)
        self.encoder = PointEncoder(
            config.encoder, config.width, depth=config.depth, heads=config.heads
        )
        self.encoder.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> PointMAE:
        """Switch the mode of everything but the encoder, which stays in eval mode."""
        super().train(mode)
        self.encoder.eval()
        return self

    def reader(self) -> PatchReader:
        """Return what turns a cloud into patches."""
        return PatchReader(centers=self.config.centers, group=self.config.group, pose=self.pose)

    def on_fit_start(self) -> None:
        """Load the official weights, or learn from the normal clouds."""
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

        Pre-training turns them at random, so that the pose of the cloud does not matter.
        """
        group = min(self.config.group, len(cloud))
        count = min(LEARNED[1], max(2, 2 * len(cloud) // group), len(cloud))
        made = PatchReader(centers=count, group=group, pose=Canonicalizer("given"))(cloud)
        centers = made.points[made.chosen]
        return made.points[made.groups] - centers[:, None], centers

    @torch.no_grad()
    def features(self, cloud: Data) -> dict[str, Tensor]:
        """Return the features of a cloud's centers, the most even first, ``(M, C)``."""
        return {"feature": self.encoder(cloud.points, cloud.groups, cloud.chosen)}

    def point_scores(self, record: Data) -> Tensor:
        """Return interpolated scores of all points of a cloud, with shape ``(N,)``."""
        scores = self.bank_score("feature", self.features(record)["feature"])
        return interpolate(scores, record.near, weight=record.weight)
