"""One view laid on the next: coarse by congruent sets, fine by robust ICP, the best of all kept.

Threads, washers and other parts that nearly move into themselves leave one motion hardly
determined: ICP creeps along it, as errors of normals act like friction.  Such searches alternate
with steps along the least determined motion as long as these make the views agree better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Indices
from gmanet.geometry.neighbors import farthest_points
from gmanet.geometry.se3 import Doubles, adjoint
from gmanet.registration.initial_poses import Poses, distinct
from gmanet.turntable.consistency import Agreement, agreement
from gmanet.turntable.four_points import congruent_motions
from gmanet.turntable.fricp import Schedule, fricp
from gmanet.turntable.motion_prior import Window
from gmanet.turntable.point_to_plane import PlanePairs, about
from gmanet.turntable.view import Sight

__all__ = ["MANY", "SLACK", "Link", "chosen", "laid", "merit", "starts"]

CORNERS = 400
"""Points that congruent sets are made of."""

MOST = 1500
"""Candidates that are compared, by the distances of so many points to so many of the target."""
PROBED = 128
AMONG = 8192

CUT = 0.015
"""Distances count up to this share of the view's size."""

LADDER = np.deg2rad(5)
"""Turns that are tried in any case lie so far apart."""

TRIED = 8
"""Candidates that ICP improves; they differ by more than ``APART``."""
APART = np.deg2rad(3)

FEW, MANY = 600, 3000
"""Points that ICP moves: of each candidate, of the best."""

SHORT, LONG = 15, 12
"""ICP's steps at most, for the same."""

SLACK = 1.25
"""The window is that much wider for where a motion ends than for where it starts."""

SETTLED, STILL = 0.1, 1e-5
"""Of ICP's schedule."""

ROUNDS = 4
"""Of ``LONG`` steps and a slide at most."""

DISSENT = 3.0
"""Weight of the share of points that lie by the other surface, but not in it."""

FINEST = 3.0
"""Last nu of Welsch's function, in standard deviations of the noise."""

WEAK = 0.02
"""A motion is hardly determined where points move along their planes' normals by less than this
share (its square) of how far they move."""


@dataclass(frozen=True, eq=False)
class Link:
    """A view laid on another.

    Args:
        motion: Source to target, with shape ``(4, 4)``.
        information: Of least squares at the motion, for twists in the target's frame, ``(6, 6)``.
        before: How both agreed before the fine registration.
        agreement: How both agree.
    """

    motion: Doubles
    information: Doubles
    before: Agreement
    agreement: Agreement

    @property
    def merit(self) -> float:
        """The lower, the better."""
        return merit(self.agreement)


def laid(
    source: Sight, target: Sight, window: Window, motions: Doubles, rng: np.random.Generator
) -> Link:
    """Return how a view lies best on another, starting from some motions ``(C, 4, 4)``.

    Motions that leave the window on their way win only if all do.
    """
    few, many = (chosen(source, count, rng) for count in (FEW, MANY))
    pairs, finest = PlanePairs(source, few, target), FINEST * target.noise
    short = Schedule(finest, None, SETTLED, STILL, SHORT)
    tried = []
    for start in motions:
        motion = fricp(pairs, start, source.size, short).motion
        outside = not window.allows(motion[None], SLACK)[0]
        tried.append((outside, merit(agreement(source, few, target, motion)), motion, start))
    _, _, motion, start = min(tried, key=lambda one: one[:2])
    pairs, nu = PlanePairs(source, many, target), None
    for _ in range(ROUNDS):
        long = Schedule(finest, nu, SETTLED, STILL, LONG)
        motion = fricp(pairs, motion, source.size, long).motion
        nu = 2 * finest
        slid = _slid(source, many[: 2 * FEW], pairs, motion, finest)
        if slid is motion:
            break
        motion = slid
    matrix, middle = pairs.information(motion, finest)
    shift = np.eye(4)
    shift[:3, 3] = -middle
    change = adjoint(shift)
    before, after = (agreement(source, many, target, place) for place in (start, motion))
    return Link(motion, change.T @ matrix @ change, before, after)


def starts(source: Sight, target: Sight, window: Window, rng: np.random.Generator) -> Doubles:
    """Return the most promising motions of a window, best first, with shape ``(C, 4, 4)``."""
    corners = []
    for view in (source, target):
        rows = chosen(view, 8 * CORNERS, rng)
        corners.append(view.pos[rows[farthest_points(view.pos[rows].astype(np.float32), CORNERS)]])
    gap = np.sqrt(source.inner.sum() / CORNERS) * source.spacing
    sets = congruent_motions(corners[0], corners[1], window, gap, rng)
    motions = np.concatenate([window.ladder(LADDER), sets[rng.permutation(len(sets))[:MOST]]])
    probe = source.pos[chosen(source, PROBED, rng)]
    tree = cKDTree(target.pos[chosen(target, AMONG, rng)])
    place = np.einsum("cij,nj->cni", motions[:, :3, :3], probe) + motions[:, None, :3, 3]
    far = np.minimum(tree.query(place)[0], source.size * CUT).mean(axis=1)
    poses = Poses(motions[:, :3, :3], motions[:, :3, 3] / source.size)
    return motions[distinct(poses, far, TRIED, APART)]


def chosen(view: Sight, count: int, rng: np.random.Generator) -> Indices:
    """Return at most ``count`` points of a view's inner surface, drawn at random."""
    return rng.permutation(np.flatnonzero(view.inner))[:count]


def merit(one: Agreement) -> float:
    """Return the disagreement, a little more of it where it rests on little overlap."""
    return float(one.rms * (1 + DISSENT * one.dissent) / max(one.overlap, 1e-6) ** 0.1)


def _slid(source: Sight, rows: Indices, pairs: PlanePairs, motion: Doubles, nu: float) -> Doubles:
    """Return the motion after steps along the least determined one; itself if none is better."""
    matrix, middle = pairs.information(motion, nu)
    scale = np.array([1 / source.size] * 3 + [1.0] * 3)
    values, ways = np.linalg.eigh(matrix * np.outer(scale, scale))
    if values[0] > WEAK * values.mean():
        return motion
    way = ways[:, 0] * scale

    def tried(length: float) -> tuple[float, float, Doubles]:
        place = about(middle, length * way) @ motion if length else motion
        return merit(agreement(source, rows, pairs.target, place)), length, place

    best, step = tried(0.0), 0.1 * source.size
    while step > pairs.target.noise:
        nearer = min(tried(best[1] + step), tried(best[1] - step), key=lambda one: one[0])
        if nearer[0] < best[0]:
            best = nearer
        else:
            step /= 2
    return best[2]
