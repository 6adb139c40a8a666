r"""R3D-AD [Zhou et al., ECCV 2024]: the score is the distance to a reconstruction by diffusion.

A PointNet encodes the shape of a cloud into a code; conditioned on the code, a diffusion model
moves noise to the surface of the part (``detectors.r3dad.diffusion``).  Its inputs in training are
normal clouds with one displaced patch (``detectors.r3dad.patch_gen``), its targets the clouds
without the displacement.  A point scores its distance to the nearest point of the reconstruction;
an object scores its highest point.

Differences from the paper and its code:

- Patch-Gen and the relative displacement are in the loss, as the paper says; the published code
  calls neither.
- The weights are those of the last step; the published figures are those of the best checkpoint per
  metric on the test set.  The learning rate falls linearly to a tenth, so that the last step is a
  good one.
- Every input point gets a score; the reference scores 2048 random points.
- When scoring, the encoder reads points chosen by farthest point sampling, and all noise comes from
  a generator with the run's seed, so that scores depend neither on the order of points nor on other
  clouds in a batch.
- The encoder has no batch normalization and no variance head, whose output the reference ignores.
- ``pose=registered`` registers clouds on one of them, ``principal`` rotates them to their principal
  axes; copies are rotated only where these leave the rotation open.  In the paper they are rotated
  at random, and the code must represent the rotation.
- Coordinates have a standard deviation of 1.
- The denoiser's input is the variance of the step scaled to :math:`[0, \pi]`; unscaled, between
  0.0001 and 0.05, its sine and cosine hardly change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch_geometric.data import Data

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.r3dad.config import R3DADConfig
from gmanet.detectors.r3dad.diffusion import CloudEncoder, Denoiser, Diffusion
from gmanet.detectors.r3dad.reader import RotatedCopies, WholeReader
from gmanet.detectors.registered import Registered
from gmanet.detectors.training_set import TrainingPlan, TrainingSet
from gmanet.geometry.neighbors import nearest

__all__ = ["R3DAD"]

CLIP = 10.0
"""Norm to which gradients are clipped."""

DRAWERS = 4
"""Largest number of processes that draw copies."""


class R3DAD(Registered):
    """R3D-AD: distances of points to a reconstruction by diffusion, conditioned on the input."""

    Config = R3DADConfig
    config: R3DADConfig
    stages: ClassVar[Mapping[str, str]] = {
        "detectors.r3dad.diffusion": "model",
    }
    seed: Tensor

    def __init__(self, config: R3DADConfig) -> None:
        super().__init__(config)
        self.steps, self.batch = config.steps, config.pairs
        self.set_pose(config.pose)
        self.encoder = CloudEncoder(config.encoder, config.code)
        denoiser = Denoiser(config.denoiser, config.code)
        self.diffusion = Diffusion(denoiser, config.diffusion)
        self.register_buffer("seed", torch.randint(2**31 - 1, ()))  # from the run's seed

    def reader(self) -> WholeReader:
        """Return the function from a cloud to coordinates at unit size."""
        return WholeReader(self.config.points, self.pose)

    def training_set(self, clouds: CloudDataset, plan: TrainingPlan) -> TrainingSet:
        """Return rotated copies of the normal clouds, drawn anew in every epoch."""
        config, reader = self.config, self.reader()
        positions = [reader.position(cloud) for cloud in clouds]
        copies = RotatedCopies(
            positions,
            config.pose,
            points=config.points,
            length=config.copies,
            abnormal=config.abnormal,
            seed=plan.seed,
        )
        return TrainingSet(items=copies, drawn=True, workers=DRAWERS)

    def training_step(self, batch: Data, *_: Any) -> Tensor:
        """Return the loss of copies at random steps of the diffusion."""
        steps = self.config.diffusion
        step = torch.randint(1, steps + 1, (len(batch.twin),), device=batch.twin.device)
        loss = self.diffusion.loss(
            batch.twin, batch.normal, code=self.encoder(batch.twin), step=step
        )
        self.log("train/loss", loss, batch_size=len(step))
        return loss

    @torch.no_grad()
    def reconstruct(self, shape: Tensor) -> Tensor:
        """Return reconstructions of clouds, with shape ``(B, reconstruction, 3)``.

        Args:
            shape: Points of the clouds at unit size, with shape ``(B, K, 3)``.
        """
        config = self.config
        generator = torch.Generator().manual_seed(int(self.seed))
        return self.diffusion.sample(
            self.encoder(shape),
            config.reconstruction,
            steps=config.sampling,
            eta=config.eta,
            generator=generator,
        )

    @torch.no_grad()
    def score_record(self, record: Data) -> tuple[Tensor, Tensor]:
        """Return every point's distance to the reconstruction, ``(N,)``, and the object's score."""
        made = self.reconstruct(record.shape)[0].cpu().numpy()
        distance = nearest(made, record.position.cpu().numpy(), count=1)[0][:, 0]
        return self.with_object(torch.from_numpy(distance).to(record.position.device))

    def configure_optimizers(self) -> Any:
        """Return Adam with a learning rate that falls linearly to a tenth over all steps."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self.config.learning_rate)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, self.config.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Clip the gradient's norm; Lightning calls it."""
        self.clip_gradients(optimizer, CLIP, "norm")
