"""The reference cloud of a category, stored with the weights of a detector.

The near symmetries are stored, too: the search takes half a second of processor time, which a
detector would spend again after every start.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gmanet.cloud import Floats
from gmanet.detectors.bank import ResizableBuffers
from gmanet.registration.symmetry import near_symmetries
from gmanet.registration.target import Target

__all__ = ["Reference"]


class Reference(ResizableBuffers):
    """The target of registrations as buffers of a module, without gradients."""

    resizable = ("points", "normal", "spread", "symmetries")
    optional = ("spread", "symmetries")

    points: Tensor
    normal: Tensor
    spread: Tensor
    length: Tensor
    symmetries: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("points", torch.empty(0, 3))
        self.register_buffer("normal", torch.empty(0, 3))
        self.register_buffer("spread", torch.empty(0))
        self.register_buffer("length", torch.ones(()))
        self.register_buffer("symmetries", torch.empty(0, 4, 4, dtype=torch.float64))
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
        self._find_symmetries()

    def fit_surface(self, points: Floats, normal: Floats, *, spread: Floats, length: float) -> None:
        """Store the common surface of registered clouds.

        Args:
            points: Coordinates in the coordinates of a target, in its extents, in the order of
                farthest point sampling, with shape ``(N, 3)``.
            normal: Unit normals, with shape ``(N, 3)``.
            spread: Standard deviation of the clouds at each point, in extents, with shape ``(N,)``.
            length: Extent of the target, in the unit of the clouds.
        """
        self.points, self.normal = torch.from_numpy(points), torch.from_numpy(normal)
        self.spread = torch.from_numpy(spread)
        self.length = torch.tensor(length, dtype=torch.float32)
        self._find_symmetries()

    def _find_symmetries(self) -> None:
        self.symmetries = torch.empty(0, 4, 4, dtype=torch.float64)  # of what was stored before
        self.symmetries = torch.from_numpy(near_symmetries(self.target))

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
            spread = self.spread.cpu().numpy().astype(np.float64)
            symmetries = self.symmetries.cpu().numpy()
            made = Target(
                points=points,
                normal=normal,
                centroid=np.zeros(3),
                length=float(self.length),
                spread=spread if len(spread) else None,
                symmetries=symmetries if len(symmetries) else None,
            )
            self._cached = self.points, made
        return self._cached[1]
