"""A learned perturbation (the paper's reference [47], PAGN, Multimedia Systems 2022).

A small network predicts the displacement of each point, within bounds, from the point and noise;
it is trained to change the output of the attacked network.  In the reference both networks are
trained together; here a new network is trained in a few steps for every patch, so that a twin
depends only on the state of its random generator.
"""

from __future__ import annotations

import numpy as np
import torch

from gmanet.synthesis.attacks.change import Change, Target
from gmanet.synthesis.attacks.victim import Victim

__all__ = ["learned_shift"]

STEPS, WIDTH, NOISE = 20, 32, 3
"""Number of training steps, channels of the hidden layers, and channels of noise."""
LEARNING_RATE = 1e-2


def learned_shift(target: Target, rng: np.random.Generator) -> Change:
    """Return the patch with all points moved, by at most ``depth`` along each axis."""
    victim = Victim(target.pos, rng)
    place = victim.seen(target.pos)
    reach = target.depth / victim.size
    inputs = torch.cat([place, torch.from_numpy(rng.normal(size=(len(place), NOISE)))], dim=1)
    sizes = ((3 + NOISE, WIDTH), (WIDTH, WIDTH), (WIDTH, 3))
    weights = [torch.from_numpy(rng.normal(0, s[0] ** -0.5, s)).requires_grad_() for s in sizes]

    def moved() -> torch.Tensor:
        hidden = torch.relu(torch.relu(inputs @ weights[0]) @ weights[1])
        return place + reach * torch.tanh(hidden @ weights[2])

    optimizer = torch.optim.Adam(weights, lr=LEARNING_RATE)
    with torch.enable_grad():
        for _ in range(STEPS):
            optimizer.zero_grad()
            torch.autograd.backward(-victim.objective(moved()))
            optimizer.step()
    with torch.no_grad():
        found = moved().numpy()
    return Change.moved(target.pos, victim.center + victim.size * found)
