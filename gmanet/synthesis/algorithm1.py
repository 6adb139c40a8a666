"""Synthetic point cloud generation by the paper's Algorithm 1 (Section IV.B).

``M = int(0.015 N)`` points are added to, or removed from, the region that geometric morphological
analysis finds.  N changes, so that the rows of a twin and of its normal cloud do not correspond;
the remaining points keep their positions and order.  The paper leaves open how points are added or
removed, and the effect of the strength: the functions below describe the choices.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Cloud, Indices
from gmanet.errors import InputError
from gmanet.geometry.neighbors import nearest
from gmanet.synthesis.gma import analyze, outward_normals

__all__ = ["add_points", "paper_twin", "remove_points"]

HEIGHT = 0.02
"""Height of an added cap at strength 1, in diameters of the part."""

THINNEST = 0.25
"""Strength below which a removal is not spread over a larger area."""


def paper_twin(
    cloud: Cloud,
    rng: np.random.Generator,
    *,
    strength: float,
    add: bool,
    curvature: str = "poisson",
    ratio: float = 0.015,
    threshold: float = 0.2,
    score: str = "printed",
) -> Cloud:
    """Return the abnormal twin of a normal cloud by Algorithm 1, with ``int(N * ratio)`` labels.

    The analysis depends on the cloud alone: to make many twins of one cloud, call
    :func:`gmanet.synthesis.gma.analyze` once, then :func:`add_points` or :func:`remove_points`.

    Args:
        cloud: A normal cloud of N points.
        rng: Random generator.
        strength: Perturbation strength of the paper, from 0 to 1.
        add: Perturbation mode of the paper: whether points are added, or else removed.
        curvature: ``poisson`` (as printed, 10 s) or ``local`` (fast).
        ratio: Number of added or removed points as a share of N; 0.015 in the paper.
        threshold: Smallest curvature of the region, in 1 / length of a part with diameter 30.
        score: Sum of distance and curvature (``synthesis.gma``).

    Raises:
        InputError: Strength or ratio is out of range, the ratio gives less than one point, the
            curvature is unknown, or Open3D cannot be loaded.
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
    """Return the cloud with ``count`` labeled points appended: a cap over the region.

    The added points are copies of the region's points, each copied equally often (up to one).  At
    distance ``r`` from the region's center they are raised along the outward normal by ``strength *
    0.02 * diameter * (1 - (r / R)^2)``, with ``R`` the largest distance, and jittered in the
    tangent plane by half the point spacing, so that no two coincide.  The copied points remain,
    without a label.  The twin has no ``normal``, as the normals of the cap differ from those of the
    copied points.

    Args:
        cloud: A normal cloud of N points.
        region: Indices of the region's points.
        count: Number of points to add, M.
        strength: Strength from 0 to 1; 0 thickens the surface without raising it.
        rng: Random generator.
    """
    source = np.resize(rng.permutation(region), count)
    normal = outward_normals(cloud)[source].astype(np.float64)
    base = cloud.pos[source].astype(np.float64)
    within = cloud.pos[region].astype(np.float64)
    center = within.mean(axis=0)
    radius = np.linalg.norm(within - center, axis=1).max()
    profile = 1 - (np.linalg.norm(base - center, axis=1) / max(radius, 1e-30)) ** 2
    spacing = np.median(nearest(cloud.pos, cloud.pos[region], count=2)[0][:, 1])
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
    """Return the cloud without ``count`` points around the region's center, with a labeled rim.

    The removed points are drawn from the ``count / strength`` points nearest to the center:
    strength 1 leaves a hole; a lower strength thins a larger area, in which each point is removed
    with probability ``strength`` (at least 0.25).  Removed points cannot be labeled; instead, the
    ``count`` remaining points nearest to them are.

    Args:
        cloud: A normal cloud of N points.
        region: Indices of the region's points.
        count: Number of points to remove, M.
        strength: Strength from 0 to 1.
        rng: Random generator.
    """
    center = cloud.pos[region].mean(axis=0, dtype=np.float64)
    order = np.argsort(np.linalg.norm(cloud.pos - center, axis=1), kind="stable")
    pool = order[: round(count / max(strength, THINNEST))]
    gone = np.zeros(len(cloud), dtype=bool)
    gone[rng.choice(pool, count, replace=False)] = True
    pos = cloud.pos[~gone]
    distance, _ = nearest(cloud.pos[gone], pos, count=1)
    label = np.zeros(len(pos), dtype=bool)
    label[np.argsort(distance[:, 0], kind="stable")[:count]] = True
    normal = None if cloud.normal is None else cloud.normal[~gone]
    return cloud.replace(pos=pos, label=label, normal=normal, defect="removed")
