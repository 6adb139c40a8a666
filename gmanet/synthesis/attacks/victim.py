r"""The network that adversarial perturbations attack: a frozen random PointNet on a patch.

The paper's references [46]-[49] attack classifiers.  GMANet has no classifier; its twins have to
change the output of a frozen random expert.  The objective is therefore
:math:`J(x') = \| \Phi(x') - \Phi(x) \|^2` for a frozen random PointNet :math:`\Phi` with the patch
as input and the mean and the maximum over its points as output.  The expert of GMANet is not used
itself, because its inputs are histograms, which are not differentiable.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gmanet.cloud import Doubles

__all__ = ["Victim"]

WIDTH = 64
"""Number of channels of the network."""

JITTER = 1e-3
"""Standard deviation of initial random displacements, in radii of the patch.

Without displacements, the gradient of the objective is zero.
"""


class Victim:
    """Frozen random network, and its features of a patch of normal surface.

    Args:
        pos: Points of the patch, with shape ``(m, 3)``.
        rng: Generator of the network's weights.
    """

    def __init__(self, pos: Doubles, rng: np.random.Generator) -> None:
        self.center = pos.mean(axis=0, dtype=np.float64)
        self.size = float(np.linalg.norm(pos - self.center, axis=1).max()) or 1.0
        shapes = ((3, WIDTH), (WIDTH, WIDTH))
        self.weights = [torch.from_numpy(rng.normal(0, 2 / s[0] ** 0.5, s)) for s in shapes]
        self.clean = self._features(self.seen(pos))

    def seen(self, pos: Doubles) -> Tensor:
        """Return the network's input: positions relative to the patch's center, in patch radii."""
        return torch.from_numpy((pos - self.center) / self.size)

    def _features(self, place: Tensor) -> Tensor:
        first, second = self.weights
        every = torch.tanh(torch.tanh(place @ first) @ second)
        return torch.cat([every.mean(dim=0), every.amax(dim=0)])

    def objective(self, place: Tensor) -> Tensor:
        """Return the squared distance of the features from those of the normal patch, a scalar.

        Args:
            place: Points as returned by :meth:`seen`, with shape ``(n, 3)`` for any ``n``.
        """
        return (self._features(place) - self.clean).square().sum()

    def gradient(self, pos: Doubles) -> Doubles:
        """Return the objective's gradient with respect to points ``(n, 3)``, shape ``(n, 3)``."""
        place = self.seen(pos).requires_grad_()
        with torch.enable_grad():
            (found,) = torch.autograd.grad(self.objective(place), place)
        return np.asarray(found.numpy() / self.size)

    def jitter(self, pos: Doubles, rng: np.random.Generator) -> Doubles:
        """Return the points with small random displacements, for which the gradient is not zero."""
        return np.asarray(pos + rng.normal(0, JITTER * self.size, pos.shape))
