r"""IMRNet [Li et al., CVPR 2024]: the score is the difference from a masked reconstruction.

Points are sampled more densely where the surface changes, and grouped into patches.  A transformer
learns to predict masked patches of normal clouds from visible ones.  To score a cloud, all its
patches are predicted, and the predicted patches are the input of the next prediction.  A point
scores its distance to the reconstructed surface plus the distance between the features of the
cloud's patches and of their reconstruction; an object scores its highest point.

There is no published code.  The following was chosen where the paper leaves it open:

* Sampling: half of the points come from the quarter where normals and curvatures change most.
* Masks at test: a random partition, by the run's seed, masks every patch once per iteration.
* Point distance: to the plane through the nearest reconstructed points, since the distance to the
  nearest point would depend on the spacing of the points.
* Features: the encoder's tokens at three depths, without masks, interpolated from patches.
* Sum: each distance is standardized by the distances of normal clouds, those of training.
* Poses: registered on one cloud; every step rotates its cloud at random by at most ``max_angle``.
* Schedule: AdamW with one cycle; every step reads one cloud.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch_geometric.data import Data

from gmanet.detectors.imrnet.config import IMRNetConfig
from gmanet.detectors.imrnet.reader import SampledReader
from gmanet.detectors.imrnet.reconstruction import Reconstructor, surface_distance
from gmanet.detectors.registered import Registered
from gmanet.geometry.neighbors import interpolate
from gmanet.networks.pointmae.patches import PatchedCloud

__all__ = ["IMRNet"]

HELD = 64
"""Largest number of train clouds whose records are cached in memory, and give the scales."""


class IMRNet(Registered):
    """A masked autoencoder of patches that is applied to its own output."""

    Config = IMRNetConfig
    config: IMRNetConfig
    stages: ClassVar[Mapping[str, str]] = {
        "detectors.imrnet.reconstruction": "model",
    }
    seed: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, config: IMRNetConfig) -> None:
        super().__init__(config)
        self.steps = config.steps
        self.net = Reconstructor(config.width, config.depth, heads=config.heads, mask=config.mask)
        self.register_buffer("seed", torch.randint(2**31 - 1, ()))  # of the run's seed, as weights
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("deviation", torch.ones(2))
        self.set_pose(config.pose)
        self.held: dict[bytes, PatchedCloud] = {}

    def reader(self) -> SampledReader:
        """Return the function from a cloud to patches."""
        config = self.config
        return SampledReader(
            points=config.points,
            share=config.changing,
            centers=config.centers,
            group=config.group,
            pose=self.pose,
            held=self.held,
        )

    def on_fit_start(self) -> None:
        """Cache the records of train clouds, and measure the size of their patches."""
        clouds = self.trainer.datamodule.train  # type: ignore[attr-defined]
        chosen = np.random.default_rng(int(self.seed)).permutation(len(clouds))[:HELD]
        records = self.reader().hold(clouds[int(index)] for index in chosen)
        self.net.fit_size([_patches(record)[0] for record in records])

    def training_step(self, batch: Data, *_: Any) -> Tensor:
        """Return the loss of masked patches of a rotated cloud, both drawn from seed and step."""
        rng = np.random.default_rng([int(self.seed), self.global_step])
        axis = rng.normal(size=3)
        angle = np.deg2rad(rng.uniform(-self.config.max_angle, self.config.max_angle))
        rotation = Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix()
        patches, centers = _patches(batch)
        matrix = torch.from_numpy(rotation).to(patches)
        loss = self.net.loss(
            patches @ matrix, centers @ matrix, order=rng.permutation(len(centers))
        )
        self.log("train/loss", loss, batch_size=1)
        return loss

    def on_train_end(self) -> None:
        """Set the scales of the two distances to those of the cached normal clouds."""
        self.eval()
        records = list(self.held.values())
        found = torch.cat([self.distances(record.to(self.device)) for record in records])
        self.mean.copy_(found.mean(dim=0))
        self.deviation.copy_(found.std(dim=0).clamp_min(1e-12))
        self.held.clear()

    @torch.no_grad()
    def distances(self, cloud: Data) -> Tensor:
        """Return the point and the feature distance of each point, with shape ``(N, 2)``.

        Args:
            cloud: The reader's record of the cloud.
        """
        patches, centers = _patches(cloud)
        predicted = self.net(patches, centers, self.config.iterations, int(self.seed))
        surface = (predicted + centers[:, None]).flatten(0, 1)
        near = surface_distance(cloud.points, surface)
        change = self.net.features(patches, centers) - self.net.features(predicted, centers)
        feature = interpolate(change.norm(dim=1), cloud.near, weight=cloud.weight)
        return torch.stack([near, feature], dim=1)

    @torch.no_grad()
    def score_record(self, record: Data) -> tuple[Tensor, Tensor]:
        """Return scores of the points of one cloud, with shape ``(N,)``, and of the object."""
        found = self.distances(record)
        return self.with_object(((found - self.mean) / self.deviation).sum(dim=1))

    def configure_optimizers(self) -> Any:
        """Return AdamW with a one-cycle schedule over all steps."""
        config = self.config
        optimizer = torch.optim.AdamW(
            self.net.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.learning_rate, total_steps=config.steps
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _patches(cloud: Data) -> tuple[Tensor, Tensor]:
    """Return the patches of a cloud, relative to their centers, ``(M, K, 3)``, and the centers."""
    centers = cloud.points[cloud.chosen]
    return cloud.points[cloud.groups] - centers[:, None], centers
