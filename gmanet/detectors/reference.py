"""The reference cloud of a category, stored with the weights of a detector."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gmanet.cloud import Floats
from gmanet.detectors.bank import ResizableBuffers
from gmanet.registration.target import Target

__all__ = ["Reference"]


class Reference(ResizableBuffers):
    """The target of registrations as buffers of a module, without gradients."""

    resizable = ("points", "normal")

    points: Tensor
    normal: Tensor
    length: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("points", torch.empty(0, 3))
        self.register_buffer("normal", torch.empty(0, 3))
        self.register_buffer("length", torch.ones(()))
        self._cached: tuple[Tensor, Target] | None = None

    @property
    def fitted(self) -> bool:
        """Whether a cloud is stored."""
        return len(self.points) > 0

    def fit(self, pos: Floats) -> None:
        """Make a target of a cloud and store it.

        Args:
            pos: Coordinates of the cloud, with shape ``(N, 3)``.

        Raises:
            InputError: The cloud has too few points, or points that are not finite.
        """
        made = Target.of(pos)
        self.points = torch.from_numpy(made.points).float()
        self.normal = torch.from_numpy(made.normal).float()
        self.length = torch.tensor(made.length, dtype=torch.float32)

    @property
    def target(self) -> Target:
        """The target, with its centroid at the origin, in the unit of the clouds.

        It is made of the buffers alone, so that a loaded detector registers clouds exactly as
        before it was stored.
        """
        if not len(self.points):
            raise RuntimeError("no reference cloud yet: call the detector's prepare() first")
        if self._cached is None or self._cached[0] is not self.points:
            points, normal = (
                part.cpu().numpy().astype(np.float64) for part in (self.points, self.normal)
            )
            self._cached = (
                self.points,
                Target(
                    points=points, normal=normal, centroid=np.zeros(3), length=float(self.length)
                ),
            )
        return self._cached[1]
