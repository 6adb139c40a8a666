"""Registration of one view on the next: coarse by congruent sets, fine by robust ICP.

Threads, washers and other nearly symmetric parts hardly determine one motion.  ICP converges slowly
along this motion, because errors of normals act like friction.  ICP therefore alternates with
steps along the least determined motion, as long as these improve the agreement of the views.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles, Indices
from gmanet.geometry.neighbors import farthest_points
from gmanet.geometry.se3 import adjoint
from gmanet.registration.initial_poses import distinct
from gmanet.turntable.consistency import Consistency, consistency
from gmanet.turntable.four_points import congruent_motions
from gmanet.turntable.fricp import Schedule, fricp
from gmanet.turntable.motion_prior import MotionPrior
from gmanet.turntable.point_to_plane import PlanePairs, about
from gmanet.turntable.view import View

__all__ = [
    "MANY",
    "SLACK",
    "Link",
    "disagreement",
    "initial_motions",
    "register_pair",
    "sample_inner",
]

CORNERS = 400
"""Number of points from which congruent sets are formed."""

MOST = 1500
"""Largest number of candidates that are ranked.

Distances of ``PROBED`` points of the source to ``AMONG`` points of the target rank the candidates.
"""
PROBED = 128
AMONG = 8192

CUT = 0.015
"""Upper limit of distances in the ranking of candidates, in sizes of the source (``View.size``).

Distances are truncated at this limit, so that points without a counterpart do not dominate.
"""

SPACING = np.deg2rad(5)
"""Spacing of the rotations in the grid over the prior, in radians."""

TRIED = 8
"""Number of candidates that ICP refines; they differ by at least ``APART`` radians."""
APART = np.deg2rad(3)

FEW, MANY = 600, 3000
"""Numbers of points in ICP: for each candidate, and for the best one."""

SHORT, LONG = 15, 12
"""Largest numbers of ICP steps, for each candidate and for the best one."""

SLACK = 1.25
"""Factor of the prior's tolerances for the refined motion."""

SETTLED, STILL = 0.1, 1e-5
"""Thresholds of ICP's schedule (``fricp.Schedule``)."""

ROUNDS = 4
"""Largest number of rounds: ``LONG`` steps of ICP, then one along the least determined motion."""

DISSENT = 3.0
"""Weight of the share of points that are near the other surface, but not on it."""

FINEST = 3.0
"""Last nu of Welsch's function, in standard deviations of the noise."""

WEAK = 0.02
"""Ratio of the smallest to the mean eigenvalue of the information matrix, upper limit.

Below the limit, the eigenvector of the smallest eigenvalue is a hardly determined motion: the
points move nearly within their tangent planes.  Rotations are scaled by the size of the source.
"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Link:
    """The registration of a view on another view.

    Args:
        motion: From the source's to the target's coordinates, with shape ``(4, 4)``.
        information: Information matrix of the least squares, for twists in the target's frame, with
            shape ``(6, 6)``.
        before: Consistency of both views before the fine registration.
        consistency: Consistency of both views after the fine registration.
    """

    motion: Doubles
    information: Doubles
    before: Consistency
    consistency: Consistency

    @property
    def disagreement(self) -> float:
        """Disagreement of both views; lower is better."""
        return disagreement(self.consistency)


def register_pair(
    source: View, target: View, *, prior: MotionPrior, motions: Doubles, rng: np.random.Generator
) -> Link:
    """Return the best registration of a view on another from initial motions ``(C, 4, 4)``.

    A refined motion outside the prior wins only if all are outside.
    """
    few, many = (sample_inner(source, count, rng=rng) for count in (FEW, MANY))
    pairs, finest = PlanePairs(source, few, target=target), FINEST * target.noise
    short = Schedule(finest=finest, coarsest=None, settled=SETTLED, still=STILL, most=SHORT)
    tried = []
    for start in motions:
        motion = fricp(pairs, start, radius=source.size, schedule=short).motion
        outside = not prior.allows(motion[None], SLACK)[0]
        tried.append(
            (
                outside,
                disagreement(consistency(source, few, target=target, motion=motion)),
                motion,
                start,
            )
        )
    _, _, motion, start = min(tried, key=lambda one: one[:2])
    pairs, nu = PlanePairs(source, many, target=target), None
    for _ in range(ROUNDS):
        long = Schedule(finest=finest, coarsest=nu, settled=SETTLED, still=STILL, most=LONG)
        motion = fricp(pairs, motion, radius=source.size, schedule=long).motion
        nu = 2 * finest
        slid = _slid(source, many[: 2 * FEW], pairs=pairs, motion=motion, nu=finest)
        if slid is motion:
            break
        motion = slid
    matrix, middle = pairs.information(motion, finest)
    shift = np.eye(4)
    shift[:3, 3] = -middle
    change = adjoint(shift)
    before, after = (
        consistency(source, many, target=target, motion=position) for position in (start, motion)
    )
    return Link(
        motion=motion, information=change.T @ matrix @ change, before=before, consistency=after
    )


def initial_motions(
    source: View, target: View, *, prior: MotionPrior, rng: np.random.Generator
) -> Doubles:
    """Return the most promising motions within a prior, best first, with shape ``(C, 4, 4)``."""
    corners = []
    for view in (source, target):
        rows = sample_inner(view, 8 * CORNERS, rng=rng)
        corners.append(view.pos[rows[farthest_points(view.pos[rows].astype(np.float32), CORNERS)]])
    gap = np.sqrt(source.inner.sum() / CORNERS) * source.spacing
    sets = congruent_motions(corners[0], corners[1], prior=prior, gap=gap, rng=rng)
    motions = np.concatenate([prior.angle_grid(SPACING), sets[rng.permutation(len(sets))[:MOST]]])
    probe = source.pos[sample_inner(source, PROBED, rng=rng)]
    tree = cKDTree(target.pos[sample_inner(target, AMONG, rng=rng)])
    position = np.einsum("cij,nj->cni", motions[:, :3, :3], probe) + motions[:, None, :3, 3]
    far = np.minimum(tree.query(position)[0], source.size * CUT).mean(axis=1)
    scaled = motions.copy()
    scaled[:, :3, 3] /= source.size
    return motions[distinct(scaled, far, count=TRIED, apart=APART)]


def sample_inner(view: View, count: int, *, rng: np.random.Generator) -> Indices:
    """Return at most ``count`` points of a view's inner surface, drawn at random."""
    return rng.permutation(np.flatnonzero(view.inner))[:count]


def disagreement(one: Consistency) -> float:
    """Return the disagreement of two views, slightly increased if the overlap is small."""
    return float(one.rms * (1 + DISSENT * one.dissent) / max(one.overlap, 1e-6) ** 0.1)


def _slid(source: View, rows: Indices, *, pairs: PlanePairs, motion: Doubles, nu: float) -> Doubles:
    """Return the motion after a step along the least determined motion, if the step is better."""
    matrix, middle = pairs.information(motion, nu)
    scale = np.array([1 / source.size] * 3 + [1.0] * 3)
    values, ways = np.linalg.eigh(matrix * np.outer(scale, scale))
    if values[0] > WEAK * values.mean():
        return motion
    way = ways[:, 0] * scale

    def tried(length: float) -> tuple[float, float, Doubles]:
        position = about(middle, length * way) @ motion if length else motion
        return (
            disagreement(consistency(source, rows, target=pairs.target, motion=position)),
            length,
            position,
        )

    best, step = tried(0.0), 0.1 * source.size
    while step > pairs.target.noise:
        nearer = min(tried(best[1] + step), tried(best[1] - step), key=lambda one: one[0])
        if nearer[0] < best[0]:
            best = nearer
        else:
            step /= 2
    return best[2]
