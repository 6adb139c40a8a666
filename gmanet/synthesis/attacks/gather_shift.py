r"""Points moved along their gather vectors, after the paper's reference [49].

GvG-PointNet++ (Dong et al., CVPR 2020) is a defense: every neighborhood predicts the center of the
object, and neighborhoods with deviating predictions are ignored.  A perturbation against this
defense preserves the directions to the center: points move toward or away from the cloud's center,
whichever agrees with the network's gradient, and less near the patch's rim.  A patch is bulged in
or out without the use of normals.
"""

from __future__ import annotations

import numpy as np

from gmanet.synthesis.attacks.change import Change, Target
from gmanet.synthesis.attacks.victim import Victim

__all__ = ["gather_shift"]

RIM = 0.1
"""Displacement at the rim of a patch, as a share of the largest displacement; not 0, because all
points of the patch are labeled."""


def gather_shift(target: Target, rng: np.random.Generator) -> Change:
    """Return the patch moved toward or away from the cloud's center, by at most three depths."""
    victim = Victim(target.pos, rng)
    gradient = victim.gradient(victim.jitter(target.pos, rng))
    gather = target.center - target.pos
    gather /= np.maximum(np.linalg.norm(gather, axis=1, keepdims=True), 1e-12)
    side = 1.0 if np.einsum("nc,nc->", gradient, gather) > 0 else -1.0
    away = np.linalg.norm(target.pos - victim.center, axis=1)
    share = np.maximum(1 - away / victim.size, RIM)
    length = target.budget / float(np.linalg.norm(share))
    reach = side * min(length, 3 * target.depth) * share
    return Change.moved(target.pos, target.pos + reach[:, None] * gather)
