r"""Points shifted by iterative gradient L2 (the paper's reference [46], Liu, Yu and Su, ICIP 2019).

Steps of equal length follow the gradient with respect to all points together,
:math:`x \leftarrow x + \alpha g / \|g\|_2` with :math:`\alpha = \epsilon / T`, and end within
:math:`\|x' - x\|_2 \le \epsilon`: points with more influence on the network
move farther.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Doubles, Labels
from gmanet.synthesis.attacks.change import Change, Target
from gmanet.synthesis.attacks.victim import Victim

__all__ = ["STEPS", "ascent", "gradient_shift"]

STEPS = 10
"""Number of gradient steps."""


def gradient_shift(target: Target, rng: np.random.Generator) -> Change:
    """Return the patch with all points shifted."""
    victim = Victim(target.pos, rng)
    start = victim.jitter(target.pos, rng)
    free = np.ones(len(start), dtype=bool)
    return Change.moved(
        target.pos, ascent(victim, target.pos, start=start, free=free, budget=target.budget)
    )


def ascent(
    victim: Victim, origin: Doubles, *, start: Doubles, free: Labels, budget: float
) -> Doubles:
    """Return the points after gradient ascent within a budget, with shape ``(n, 3)``.

    Args:
        victim: Network whose objective increases.
        origin: Positions from which displacements are measured, with shape ``(n, 3)``.
        start: Initial positions, with shape ``(n, 3)``.
        free: True for points that may move, with shape ``(n,)``.
        budget: Largest L2 norm of all displacements together, in the unit of the points.
    """
    place = start
    for _ in range(STEPS):
        gradient = victim.gradient(place) * free[:, None]
        step = gradient * (budget / STEPS / max(float(np.linalg.norm(gradient)), 1e-30))
        offset = place + step - origin
        place = origin + offset * min(1.0, budget / max(float(np.linalg.norm(offset)), 1e-30))
    return place
