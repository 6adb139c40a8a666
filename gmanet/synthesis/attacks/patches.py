"""Perturbation of patches of a cloud, used instead of SPCG.

A patch consists of the nearest ``count`` points to a random point, for any shape of the surface.
The choice of patches is the same for all of the paper's references [46]-[49], so that only the
perturbations are compared.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gmanet.cloud import Cloud, Indices
from gmanet.geometry.neighbors import nearest
from gmanet.synthesis.attacks.change import Attack, Target

__all__ = ["attacked"]

LEAST = 8
"""Smallest number of points of a patch."""


def attacked(
    cloud: Cloud,
    attack: Attack,
    patches: int,
    count: int,
    depth: Callable[[], float],
    rng: np.random.Generator,
) -> Cloud:
    """Return a cloud with some patches perturbed and labeled.

    If an attack adds or removes points, rows of the twin do not correspond to rows of the cloud.
    :mod:`gmanet.synthesis.attacks.change` defines the labels.

    Args:
        cloud: A normal cloud.
        attack: Perturbation of a patch.
        patches: Number of patches.
        count: Number of points of a patch.
        depth: Function that draws the largest root mean square of a patch's displacements, in the
            unit of the cloud.
        rng: Generator of all other random numbers.
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
