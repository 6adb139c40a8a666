"""Perturbations of the paper's references [46]-[49] in the place of SPCG (Table VII, w/o SPCG).

All of them change patches of the nearest ``count`` points to a random one, whatever the surface is
like there, so that the comparison is one of perturbations and not of places.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gmanet.cloud import Cloud, Indices
from gmanet.geometry.neighbors import nearest
from gmanet.synthesis.attacks.add_drop import add_or_drop
from gmanet.synthesis.attacks.change import Change, Target
from gmanet.synthesis.attacks.gather_shift import gather_shift
from gmanet.synthesis.attacks.gradient_shift import gradient_shift
from gmanet.synthesis.attacks.learned_shift import learned_shift

__all__ = ["ATTACKS", "attacked"]

Attack = Callable[[Target, np.random.Generator], Change]

ATTACKS: dict[str, Attack] = {
    "gradient_shift": gradient_shift,  # [46]
    "learned_shift": learned_shift,  # [47]
    "add_drop": add_or_drop,  # [48]
    "gather_shift": gather_shift,  # [49]
}
"""Kind of synthesis -> what it does to a patch."""

LEAST = 8
"""Points of a patch."""


def attacked(
    cloud: Cloud,
    attack: Attack,
    *,
    patches: int,
    count: int,
    depth: Callable[[], float],
    rng: np.random.Generator,
) -> Cloud:
    """Return a cloud with some patches changed and labelled.

    Points may come and go: rows of the twin do not correspond to the cloud's where they do.  What
    is labelled: :mod:`gmanet.synthesis.attacks.change`.

    Args:
        cloud: A normal cloud.
        attack: What happens to a patch.
        patches: How many.
        count: Points of a patch.
        depth: Draws how far a point moves on average, in the cloud's unit.
        rng: Draws everything else.
    """
    pos, center = cloud.pos.astype(np.float64), cloud.pos.mean(axis=0, dtype=np.float64)
    label, gone, closed = np.zeros((3, len(cloud)), dtype=bool)
    added = [np.zeros((0, 3))]
    for _ in range(patches):
        seed = int(rng.integers(len(cloud)))
        index = _ball(cloud, seed, count=max(count, LEAST))
        index = index[~closed[index]]
        if len(index) < LEAST:
            continue
        made = attack(
            Target(pos=cloud.pos[index].astype(np.float64), center=center, depth=depth()), rng
        )
        pos[index], label[index] = made.pos, made.label
        gone[index], closed[index] = made.gone, made.closed
        added.append(made.added)
    every = np.concatenate([pos[~gone], *added])
    known = np.concatenate([label[~gone], np.ones(len(every) - int((~gone).sum()), dtype=bool)])
    return cloud.replace(pos=every.astype(np.float32), label=known, normal=None)


def _ball(cloud: Cloud, seed: int, *, count: int) -> Indices:
    return np.asarray(nearest(cloud.pos, cloud.pos[seed : seed + 1], count=count)[1][0])
