"""A perturbation of some patches of a cloud, in the place of SPCG.

All of the paper's references [46]-[49] change patches of the nearest ``count`` points to a random
one, whatever the surface is like there, so that the comparison is one of perturbations and not of
places.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gmanet.cloud import Cloud, Indices
from gmanet.geometry.neighbors import nearest
from gmanet.synthesis.attacks.change import Attack, Target

__all__ = ["attacked"]

LEAST = 8
"""Points of a patch."""


def attacked(
    cloud: Cloud,
    attack: Attack,
    patches: int,
    count: int,
    depth: Callable[[], float],
    rng: np.random.Generator,
) -> Cloud:
    """Return a cloud with some patches changed and labeled.

    Points may come and go: rows of the twin do not correspond to the cloud's where they do.  What
    is labeled: :mod:`gmanet.synthesis.attacks.change`.

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
        index = _ball(cloud, seed, max(count, LEAST))
        index = index[~closed[index]]
        if len(index) < LEAST:
            continue
        patch = Target(pos=cloud.pos[index].astype(np.float64), center=center, depth=depth())
        made = attack(patch, rng)
        pos[index], label[index] = made.pos, made.label
        gone[index], closed[index] = made.gone, made.closed
        added.append(made.added)
    every = np.concatenate([pos[~gone], *added])
    known = np.concatenate([label[~gone], np.ones(len(every) - int((~gone).sum()), dtype=bool)])
    return cloud.replace(pos=every.astype(np.float32), label=known, normal=None)


def _ball(cloud: Cloud, seed: int, count: int) -> Indices:
    return np.asarray(nearest(cloud.pos, cloud.pos[seed : seed + 1], count=count)[1][0])
