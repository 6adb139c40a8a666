r"""R3D-AD [Zhou et al., ECCV 2024]: how far points lie from a reconstruction by diffusion.

A PointNet makes a code of a cloud; under it, a diffusion model leads noise to the surface of the
part (``detectors.r3dad.diffusion``).  It learns from normal clouds with one patch moved
(``detectors.r3dad.patch_gen``) to tell the clouds as they were.  A point's score is its distance
to the nearest point of its cloud's reconstruction; an object scores its highest.

What differs from the paper and its code:

- Patch-Gen and the relative displacement are in the loss, as the paper says; the published code
  calls neither.
- The last step is taken; the published figures are the best checkpoint per metric on the test set.
  The learning rate falls evenly to a tenth, so that the last step is a good one.
- Every input point gets a score; the reference scores 2048 random points.
- The encoder reads points by farthest point sampling when scoring, and all noise comes from a
  generator with the run's seed: the order of points and the company in a batch change nothing.
- The encoder has no batch normalisation and no variance head, whose answer the reference drops.
- ``pose=registered`` registers clouds on one of them, ``principal`` rotates them
  into their principal axes, and copies are rotated only where these leave it open; in the paper
  they are rotated at random, and the code has to describe the rotation.
- Coordinates have a standard deviation of one.
- The denoiser gets the step's variance scaled to :math:`[0, \pi]`; as it is, between 0.0001 and
  0.05, its sine and cosine hardly change.
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
"""Largest norm of a gradient."""

DRAWERS = 4
"""Processes that draw copies, at most."""


class R3DAD(Registered):
    """Distances to a normal cloud that diffusion makes of noise and the input's code."""

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
        self.register_buffer("seed", torch.randint(2**31 - 1, ()))  # of the run's, and stored

    def reader(self) -> WholeReader:
        """Return what rotations a cloud into coordinates at unit size."""
        return WholeReader(self.config.points, self.pose)

    def training_set(self, clouds: CloudDataset, plan: TrainingPlan) -> TrainingSet:
        """Return turned copies of the normal clouds, drawn anew in every epoch."""
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
        """Return Adam with a learning rate that falls evenly to a tenth over all steps."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self.config.learning_rate)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, self.config.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Clip the gradient's norm; Lightning calls it."""
        self.clip_gradients(optimizer, CLIP, "norm")
