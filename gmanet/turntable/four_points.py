r"""Coarse registration by 4-point congruent sets, in the spirit of Super4PCS, within a prior.

Two segments of the source that (nearly) cross at the ratios :math:`r_1` and :math:`r_2` keep their
lengths, ratios and angle under any rigid motion [Aiger, Mitra and Cohen-Or 2008; Mellado, Aiger and
Mitra 2014].  Two pairs of target points with the same lengths, whose points at these ratios
coincide, are thus candidates for the corresponding points.  Only pairs that a motion within the
turntable's prior can reach are considered; these are few, so the index of Super4PCS is not
needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles, Indices
from gmanet.geometry.se3 import rigid_fit
from gmanet.turntable.motion_prior import MotionPrior

__all__ = ["congruent_motions"]

DRAWN = 4000
"""Number of random quadruples from which bases are chosen."""

BASES = 40
"""Number of bases that are searched in the target."""

PER_BASE = 200
"""Largest number of congruent sets per base."""

MIDST = (0.15, 0.85)
"""Range of the ratios at which a base's segments cross."""

LONG = 0.3
"""Least length of a segment, as a share of the points' spread."""


@dataclass(frozen=True, eq=False)
class Bases:
    """Bases of four points: the ends of two segments that nearly cross.

    Args:
        corner: Indices of the points in the source, with shape ``(B, 4)``.
        ratio: Ratio at which each segment is crossed, with shape ``(B, 2)``.
    """

    corner: Indices
    ratio: Doubles


def congruent_motions(
    source: Doubles, target: Doubles, *, prior: MotionPrior, gap: float, rng: np.random.Generator
) -> Doubles:
    """Return motions that align four points of the source with the target, ``(C, 4, 4)``.

    Args:
        source: A few hundred points, with shape ``(N, 3)``.
        target: A few hundred points, with shape ``(M, 3)``.
        prior: Prior of the motion.
        gap: Tolerance of lengths and positions, about the spacing of the points.
        rng: Draws the bases.
    """
    bases = _bases(source, gap, rng=rng)
    ends, length = _pairs(target, prior)
    found = [np.empty((0, 4, 4))]
    for corner, ratio in zip(bases.corner, bases.ratio, strict=True):
        base = source[corner]
        sides = [
            _alike(base[k : k + 2], target, ends=ends, length=length, prior=prior, gap=gap)
            for k in (0, 2)
        ]
        rows = _crossing(base, target, sides=sides, ratio=ratio, gap=gap)[:PER_BASE]
        if len(rows):
            motions = rigid_fit(np.broadcast_to(base, (len(rows), 4, 3)), target[rows])
            found.append(motions[prior.allows(motions)])
    return np.concatenate(found)


def _bases(points: Doubles, gap: float, *, rng: np.random.Generator) -> Bases:
    """Return the widest bases among random quadruples."""
    corner = rng.integers(0, len(points), (DRAWN, 4))
    a, b, c, d = np.moveaxis(points[corner], 1, 0)
    u, v, w = b - a, d - c, a - c
    uu, uv, vv = (np.einsum("ni,ni->n", *two) for two in ((u, u), (u, v), (v, v)))
    uw, vw = (np.einsum("ni,ni->n", one, w) for one in (u, v))
    area = uu * vv - uv**2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.stack([(uv * vw - vv * uw) / area, (uu * vw - uv * uw) / area], axis=1)
        miss = np.linalg.norm(w + ratio[:, :1] * u - ratio[:, 1:] * v, axis=1)
    spread = 2 * np.linalg.norm(points - points.mean(axis=0), axis=1).max()
    fits = ((ratio > MIDST[0]) & (ratio < MIDST[1])).all(axis=1) & (miss < gap)
    fits &= np.minimum(uu, vv) > (LONG * spread) ** 2
    rows = np.flatnonzero(fits)
    rows = rows[np.argsort(-area[rows], kind="stable")]
    rows = rows[: len(rows) // 2 + 1 : max(1, len(rows) // (2 * BASES))][:BASES]
    return Bases(corner[rows], ratio[rows])


def _pairs(points: Doubles, prior: MotionPrior) -> tuple[Indices, Doubles]:
    """Return all ordered pairs by length, with shape ``(P, 2)``, and their lengths."""
    first, second = np.nonzero(~np.eye(len(points), dtype=bool))
    length = np.linalg.norm(points[first] - points[second], axis=1)
    order = np.argsort(length)
    return np.column_stack([first, second])[order], length[order]


def _alike(
    segment: Doubles,
    target: Doubles,
    *,
    ends: Indices,
    length: Doubles,
    prior: MotionPrior,
    gap: float,
) -> Indices:
    """Return the target's pairs with the length of a segment that are within the prior."""
    long = float(np.linalg.norm(segment[1] - segment[0]))
    near = ends[slice(*np.searchsorted(length, [long - gap, long + gap]))]
    for k in (0, 1):
        near = near[_reached(segment[k], target[near[:, k]], prior=prior, gap=gap)]
    return near


def _reached(start: Doubles, ends: Doubles, *, prior: MotionPrior, gap: float) -> Indices:
    """Return the rows of the positions to which the prior can move a point."""
    far, angle, height = prior.cylindrical(start)
    radius, around, level = prior.cylindrical(ends)
    slack = gap + prior.shift + prior.tilt * float(np.hypot(far, height))
    excess = (around - angle - prior.step + np.pi) % (2 * np.pi) - np.pi
    aside = np.maximum(np.abs(excess) - prior.width, 0) * np.minimum(radius, far)
    return np.flatnonzero(
        (np.abs(radius - far) <= slack) & (np.abs(level - height) <= slack) & (aside <= slack)
    )


def _crossing(
    base: Doubles, target: Doubles, *, sides: list[Indices], ratio: Doubles, gap: float
) -> Indices:
    """Return quadruples of the target congruent to a base, with shape ``(Q, 4)``."""
    if not all(map(len, sides)):
        return np.empty((0, 4), np.int64)
    way = [target[side[:, 1]] - target[side[:, 0]] for side in sides]
    position = [
        target[side[:, 0]] + share * along
        for side, share, along in zip(sides, ratio, way, strict=True)
    ]
    near = cKDTree(position[0]).query_ball_tree(cKDTree(position[1]), gap)
    count = [len(one) for one in near]
    one = np.repeat(np.arange(len(near)), count)
    two = np.array([row for rows in near for row in rows], dtype=np.int64)
    wanted = float((base[1] - base[0]) @ (base[3] - base[2]))
    scale = float(np.linalg.norm(base[1] - base[0]) + np.linalg.norm(base[3] - base[2]))
    fits = np.abs(np.einsum("ni,ni->n", way[0][one], way[1][two]) - wanted) < gap * scale
    return np.hstack([sides[0][one[fits]], sides[1][two[fits]]])
