"""Synthetic point cloud generation by the paper's Algorithm 1 (Section IV.B).

``M = int(0.015 N)`` points are added around, or removed from, the region that geometric
morphological analysis finds.  N changes, so a twin and its normal cloud **do not** correspond point
for point; unlabelled points stay where they were and keep their order.  The paper does not say how
points are added or removed, nor what the strength does: the functions below say what was chosen.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Cloud, Indices
from gmanet.errors import InputError
from gmanet.geometry.neighbors import nearest
from gmanet.synthesis.gma import analyze, outward_normals

__all__ = ["add_points", "paper_twin", "remove_points"]

HEIGHT = 0.02
"""Height of an added cap at strength 1, as a fraction of the part's diameter."""

THINNEST = 0.25
"""Weaker removals are spread no further than this strength's: the defect stays one place."""


def paper_twin(
    cloud: Cloud,
    rng: np.random.Generator,
    strength: float,
    add: bool,
    curvature: str = "poisson",
    ratio: float = 0.015,
    threshold: float = 0.2,
    score: str = "printed",
) -> Cloud:
    """Return the abnormal twin of a normal cloud by Algorithm 1, with ``int(N * ratio)`` labels.

    The analysis depends on the cloud alone; who makes many twins of one cloud calls
    :func:`gmanet.synthesis.gma.analyze` once, then :func:`add_points` or :func:`remove_points`.

    Args:
        cloud: A normal cloud.
        rng: Source of all randomness.
        strength: The paper's perturbation strength, in ``[0, 1]``.
        add: The paper's perturbation mode: add points, else remove them.
        curvature: ``poisson`` (literal, 40 s) or ``local`` (quick).
        ratio: Added or removed points as a fraction of N, the paper's 0.015.
        threshold: Least curvature of the region, in 1 / length at a part diameter of 30.
        score: How distance and curvature are added (``synthesis.gma``).

    Raises:
        InputError: Strength or ratio out of range, a ratio of less than one point, an unknown
            curvature, or Open3D cannot be loaded.
    """
    if not 0 <= strength <= 1:
        raise InputError(f"strength {strength}, wanted a number from 0 to 1")
    if not 0 < ratio <= 0.25:
        raise InputError(f"ratio {ratio}, wanted a number above 0 and up to 0.25")
    count = int(len(cloud) * ratio)
    if count < 1:
        raise InputError(f"{cloud.name}: ratio {ratio} of {len(cloud)} points is less than one")
    region = analyze(cloud, curvature, threshold=threshold, score=score).best()
    change = add_points if add else remove_points
    return change(cloud, region, count, strength, rng)


def add_points(
    cloud: Cloud, region: Indices, count: int, strength: float, rng: np.random.Generator
) -> Cloud:
    """Return the cloud with ``count`` labelled points appended: a cap over the region.

    They are copies of the region's points, each used equally often up to one, raised along the
    outward normal by ``strength * 0.02 * diameter * (1 - (r / R)^2)`` at distance ``r`` from the
    region's center (``R``: its largest) and jittered in the tangent plane by half a point
    spacing, so that no two coincide.  The points below stay and are not labelled.  The twin has no
    ``normal``: the cap's are not those of the points it copies.

    Args:
        cloud: A normal cloud of N points.
        region: Row indices of the region's points.
        count: Points to add, M.
        strength: In ``[0, 1]``; 0 thickens the surface without raising it.
        rng: Source of all randomness.
    """
    source = np.resize(rng.permutation(region), count)
    normal = outward_normals(cloud)[source].astype(np.float64)
    base = cloud.pos[source].astype(np.float64)
    within = cloud.pos[region].astype(np.float64)
    center = within.mean(axis=0)
    radius = np.linalg.norm(within - center, axis=1).max()
    profile = 1 - (np.linalg.norm(base - center, axis=1) / max(radius, 1e-30)) ** 2
    spacing = np.median(nearest(cloud.pos, cloud.pos[region], 2)[0][:, 1])
    jitter = rng.normal(scale=spacing / 2, size=base.shape)
    jitter -= np.einsum("mc,mc->m", jitter, normal)[:, None] * normal
    raised = base + jitter + (strength * HEIGHT * cloud.diameter * profile)[:, None] * normal
    return cloud.replace(
        pos=np.concatenate([cloud.pos, raised.astype(np.float32)]),
        label=np.arange(len(cloud) + count) >= len(cloud),
        normal=None,
        defect="added",
    )


def remove_points(
    cloud: Cloud, region: Indices, count: int, strength: float, rng: np.random.Generator
) -> Cloud:
    """Return the cloud less ``count`` points about the region's center, its rim labelled.

    The points are drawn from the ``count / strength`` nearest to the center: strength 1 leaves a
    clean hole, less thins a wider area in which each point goes with probability ``strength``
    (not below 0.25).  What was removed cannot be labelled, so the remaining points nearest to a
    removed one are, as many as were removed.

    Args:
        cloud: A normal cloud of N points.
        region: Row indices of the region's points.
        count: Points to remove, M.
        strength: In ``[0, 1]``.
        rng: Source of all randomness.
    """
    center = cloud.pos[region].mean(axis=0, dtype=np.float64)
    order = np.argsort(np.linalg.norm(cloud.pos - center, axis=1), kind="stable")
    pool = order[: round(count / max(strength, THINNEST))]
    gone = np.zeros(len(cloud), dtype=bool)
    gone[rng.choice(pool, count, replace=False)] = True
    pos = cloud.pos[~gone]
    distance, _ = nearest(cloud.pos[gone], pos, 1)
    label = np.zeros(len(pos), dtype=bool)
    label[np.argsort(distance[:, 0], kind="stable")[:count]] = True
    normal = None if cloud.normal is None else cloud.normal[~gone]
    return cloud.replace(pos=pos, label=label, normal=normal, defect="removed")
