"""Jitter of the deviation of training centers: good parts differ more than the normal clouds show.

Networks that read how normal clouds deviate from one another learn a handful of patterns by heart,
and react to the pattern of a new good part as to a defect, as where a thread starts at a phase
between those of the normal clouds.  So the deviation of each center is changed by a random share of
the difference of two other normal centers of the same draw, in all channels together: it then
varies in the directions, and by the amounts, in which good parts do.  Shapes are left as they are.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gmanet.detectors.gmanet.descriptors import CONTEXT

__all__ = ["jittered"]


def jittered(
    context: Tensor, abnormal: Tensor, *, largest: float, rng: np.random.Generator
) -> Tensor:
    """Return the context of centers with other deviations, with shape ``(M, D)``.

    Args:
        context: Context of the centers of a draw, with shape ``(M, D)``; channels from ``CONTEXT``
            on are the deviation.  Without such channels nothing changes.
        abnormal: Whether each center is abnormal, with shape ``(M,)``.
        largest: Largest share of a difference; 0 changes nothing.
        rng: Draws the shares and the pairs of centers.
    """
    normal = np.flatnonzero(~abnormal.numpy())
    if largest == 0 or context.shape[1] <= CONTEXT or len(normal) < 2:
        return context
    made = context.float()
    one, other = rng.choice(normal, (2, len(made)))
    share = torch.from_numpy(rng.uniform(0, largest, (len(made), 1))).float()
    values = made[:, CONTEXT:].clone()
    made[:, CONTEXT:] += share * (values[one] - values[other])
    return made
