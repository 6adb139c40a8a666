"""One view laid on the next: coarse by congruent sets, fine by robust ICP, the best of both kept.

Threads, washers and other parts that nearly move into themselves leave one motion hardly
determined: ICP creeps along it, as errors of normals act like friction.  The search therefore ends
with steps along the least determined motion that make the views agree better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Indices
from gmanet.geometry.motion import Doubles, exp, moved
from gmanet.geometry.neighbors import farthest_points
from gmanet.preprocess.agreement import Agreement, agreement
from gmanet.preprocess.candidates import Poses, distinct
from gmanet.preprocess.congruent import congruent_motions
from gmanet.preprocess.fricp import fricp
from gmanet.preprocess.planes import PlanePairs, normal_equations
from gmanet.preprocess.sight import Sight
from gmanet.preprocess.window import Window

__all__ = ["Link", "chosen", "laid"]

CORNERS = 400
"""Points that congruent sets are made of."""

MOST = 1500
"""Candidates that are compared."""

PROBED = 128
"""Points that compare them."""

TARGET = 8192
"""Points of the target that they are compared with."""

LADDER = np.deg2rad(5)
"""Turns that are tried in any case lie so far apart."""

TRIED = 10
"""Candidates that ICP improves."""

APART = np.deg2rad(3)
"""These differ by more."""

POINTS = (600, 3000)
"""Points that ICP moves: of every candidate, of the best."""

STEPS = (15, 12)
"""ICP's steps at most."""

FINEST = 3.0
"""Last nu of Welsch's function, in standard deviations of the noise."""

CUT = 0.03
"""Distances of candidates count up to this share of the diameter."""
WEAK = 1


@dataclass(frozen=True, eq=False)
class Link:
    """A view laid on another.

    Args:
        motion: Source to target, with shape ``(4, 4)``.
        information: Of least squares at the motion, for twists in the target's frame, ``(6, 6)``.
        agreement: How both agree.
        steps: Steps of the last ICP.
    """

    motion: Doubles
    information: Doubles
    agreement: Agreement
    steps: int


def chosen(view: Sight, count: int, rng: np.random.Generator) -> Indices:
    """Return at most ``count`` points of a view's inner surface, drawn at random."""
    rows = np.flatnonzero(view.inner)
    return rng.permutation(rows)[:count]


def laid(source: Sight, target: Sight, window: Window, rng: np.random.Generator) -> list[Link]:
    """Return ways to lay a view on another, the one that agrees best first.

    Args:
        source: The view to move.
        target: The other.
        window: Motions that are possible.
        rng: Draws points and bases.
    """
    size = float(np.linalg.norm(np.ptp(source.pos[source.inner], axis=0))) / 2
    starts = _starts(source, target, window, size, rng)
    few, many = (chosen(source, count, rng) for count in POINTS)
    finest = FINEST * target.noise
    links = []
    for start in starts:
        found = fricp(
            PlanePairs(source.pos[few], target), start, size, finest, None, STEPS[0]
        )
        links.append((found.motion, agreement(source, few, target, found.motion)))
    return [
        _finished(source, target, many, motion, size)
        for motion, _ in sorted(links, key=lambda link: _merit(link[1]))[:1]
    ]


def _merit(one: Agreement) -> float:
    """Return the lower the better: disagreement, more where it rests on little overlap."""
    return one.rms / max(one.overlap, 1e-6) ** 0.1


def _finished(source: Sight, target: Sight, rows: Indices, motion: Doubles, size: float) -> Link:
    pairs = PlanePairs(source.pos[rows], target)
    finest, nu = FINEST * target.noise, None
    for _ in range(4):
        found = fricp(pairs, motion, size, finest, nu, STEPS[1])
        motion, nu = found.motion, 2 * finest
        matrix, middle = _information(pairs, motion, finest)
        if found.settled and not WEAK > 0:
            break
        slid = _slid(source, target, rows[:1000], motion, matrix, middle, size)
        if found.settled and np.abs(slid - motion).max() == 0:
            break
        motion = slid
    return Link(motion, matrix, agreement(source, rows, target, motion), found.steps)


def _information(pairs: PlanePairs, motion: Doubles, nu: float) -> tuple[Doubles, Doubles]:
    distance = pairs.distances(motion)
    place = moved(motion, pairs.points)
    middle = place.mean(axis=0)
    weight = np.exp(-((distance / nu) ** 2) / 2)
    normal = pairs.target.normal[pairs._partner]
    return normal_equations(place - middle, normal, 0 * weight, weight)[0], middle


def _slid(
    source: Sight, target: Sight, rows: Indices, motion: Doubles, matrix: Doubles, middle: Doubles,
    size: float,
) -> Doubles:
    """Return the motion after steps along the least determined twist."""
    scale = np.array([1 / size] * 3 + [1.0] * 3)
    values, ways = np.linalg.eigh(matrix * np.outer(scale, scale))
    way = ways[:, 0] * scale

    def along(length: float) -> Doubles:
        step = exp(length * way)
        step[:3, 3] += middle - step[:3, :3] @ middle
        return step @ motion

    def merit(length: float) -> float:
        return _merit(agreement(source, rows, target, along(length)))

    best, at, step = merit(0.0), 0.0, 0.05 * size
    while step > 0.3 * target.noise:
        tried = [(merit(at + step), at + step), (merit(at - step), at - step)]
        least = min(tried)
        if least[0] < best:
            best, at = least
        else:
            step /= 2
    return along(at)


def _starts(
    source: Sight, target: Sight, window: Window, size: float, rng: np.random.Generator
) -> Doubles:
    """Return the most promising motions, best first, with shape ``(C, 4, 4)``."""
    corners = []
    for view in (source, target):
        rows = chosen(view, 8 * CORNERS, rng)
        corners.append(view.pos[rows[farthest_points(view.pos[rows].astype(np.float32), CORNERS)]])
    gap = np.sqrt(source.inner.sum() / CORNERS) * source.spacing
    motions = congruent_motions(*corners, window, gap, rng)
    motions = np.concatenate(
        [window.ladder(LADDER), motions[rng.permutation(len(motions))[:MOST]]]
    )
    probe = source.pos[chosen(source, PROBED, rng)]
    from scipy.spatial import cKDTree

    tree = cKDTree(target.pos[chosen(target, TARGET, rng)])
    place = np.einsum("cij,nj->cni", motions[:, :3, :3], probe) + motions[:, None, :3, 3]
    far = np.minimum(tree.query(place)[0], 2 * size * CUT).mean(axis=1)
    poses = Poses(motions[:, :3, :3], motions[:, :3, 3] / (2 * size))
    return motions[distinct(poses, far, TRIED, APART)]
