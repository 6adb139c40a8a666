r"""Patch-Gen (R3D-AD, Zhou et al., ECCV 2024): one patch of a cloud is pulled out or pushed in.

A view point :math:`v` is drawn among the 26 directions of a cube's faces, edges and corners.  The
points :math:`p` nearest to it, one in sixteen, move along :math:`\pm (p - v) / \|p - v\|` by 0.05
times random numbers between 0 and 1, the largest for the point nearest to the view point, so that
the patch bulges.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from gmanet.cloud import Floats, Labels
from gmanet.synthesis.attacks.change import relocated

__all__ = ["patch_gen"]

VIEWS = np.array([view for view in product((-2.0, 0.0, 2.0), repeat=3) if any(view)])
"""View points, in standard deviations of the coordinates."""

SHARE = 1 / 16
"""Share of the points that move: 128 of 2048 in the paper."""

REACH = 0.05
"""Largest displacement of a point, in standard deviations of the coordinates."""


def patch_gen(pos: Floats, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """Return the cloud with one patch moved, ``(N, 3)``, and a mask of the moved points, ``(N,)``.

    Args:
        pos: Coordinates about their centroid, in standard deviations, with shape ``(N, 3)``.
        rng: Random generator of the view point, the direction and the displacements.
    """
    view = VIEWS[rng.integers(len(VIEWS))]
    offset = pos - view
    distance = np.linalg.norm(offset, axis=1)
    chosen = np.argsort(distance, kind="stable")[: max(1, round(SHARE * len(pos)))]
    step = np.sort(1 - rng.random(len(chosen)))[::-1]  # above 0: labeled points do move
    direction = offset[chosen] / np.maximum(distance[chosen], 1e-12)[:, None]
    moved = pos.copy()
    moved[chosen] += (REACH * rng.choice([-1.0, 1.0]) * step[:, None] * direction).astype(pos.dtype)
    return moved, relocated(pos, moved)
