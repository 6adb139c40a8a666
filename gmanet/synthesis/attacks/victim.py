r"""The network that adversarial perturbations attack: a frozen random PointNet on a patch.

The paper's references [46]-[49] attack classifiers.  GMANet has none; what its twins have to
disturb is the answer of a frozen random expert, so the objective is
:math:`J(x') = \| \Phi(x') - \Phi(x) \|^2` for a frozen random PointNet :math:`\Phi` that reads the
patch alone (mean and maximum over its points).  GMANet's own expert reads histograms, through
which no gradient flows.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gmanet.cloud import Doubles

__all__ = ["Victim"]

WIDTH = 64
"""Channels of the network."""

JITTER = 1e-3
"""Of the first step, in patch radii: where nothing has moved the objective has no gradient."""


class Victim:
    """A network and a patch of normal surface.

    Args:
        pos: The patch, with shape ``(m, 3)``.
        rng: Draws the network's weights.
    """

    def __init__(self, pos: Doubles, rng: np.random.Generator) -> None:
        self.center = pos.mean(axis=0, dtype=np.float64)
        self.size = float(np.linalg.norm(pos - self.center, axis=1).max()) or 1.0
        shapes = ((3, WIDTH), (WIDTH, WIDTH))
        self.weights = [torch.from_numpy(rng.normal(0, 2 / s[0] ** 0.5, s)) for s in shapes]
        self.clean = self._features(self.seen(pos))

    def seen(self, pos: Doubles) -> Tensor:
        """Return places as the network reads them, about the patch's center and in its radii."""
        return torch.from_numpy((pos - self.center) / self.size)

    def _features(self, place: Tensor) -> Tensor:
        first, second = self.weights
        every = torch.tanh(torch.tanh(place @ first) @ second)
        return torch.cat([every.mean(dim=0), every.amax(dim=0)])

    def objective(self, place: Tensor) -> Tensor:
        """Return how far the answer is from that for the normal patch, a scalar.

        Args:
            place: Points as :meth:`seen` gives them, any number of them, with shape ``(n, 3)``.
        """
        return (self._features(place) - self.clean).square().sum()

    def gradient(self, pos: Doubles) -> Doubles:
        """Return the objective's gradient at each of any number of points, ``(n, 3)``."""
        place = self.seen(pos).requires_grad_()
        with torch.enable_grad():
            (found,) = torch.autograd.grad(self.objective(place), place)
        return np.asarray(found.numpy() / self.size)

    def jitter(self, pos: Doubles, rng: np.random.Generator) -> Doubles:
        """Return the points moved by next to nothing, so that there is a gradient."""
        return np.asarray(pos + rng.normal(0, JITTER * self.size, pos.shape))
