"""Reconstruction of views around a turntable: pairwise links, loop closure, joint refinement.

Inconsistent links are registered again about the axis that the consistent links determine, since
all views share the axis.  One link that is still inconsistent is left out; the other links connect
the views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gmanet.cloud import Doubles, Indices
from gmanet.geometry.se3 import inverse
from gmanet.turntable.consistency import APART, OVERLAP, Consistency, consistency
from gmanet.turntable.joint_refinement import refined
from gmanet.turntable.loop import Loop
from gmanet.turntable.markers import by_markers
from gmanet.turntable.motion_prior import MotionPrior, common_axis
from gmanet.turntable.pairwise import (
    MANY,
    SLACK,
    Link,
    initial_motions,
    register_pair,
    sample_inner,
)
from gmanet.turntable.pose_graph import closure, solve_poses
from gmanet.turntable.scanner import Scanner
from gmanet.turntable.view import View

__all__ = ["reconstruct"]

POINTS = 2000
"""Number of points of each view for refining and checking pairs."""

NARROW = (np.deg2rad(2), 0.02)
"""Tilt in radians, and shift as a share of the view's size, about the axis of the other links."""

SPACING = np.deg2rad(2)
"""Spacing of the rotations about this axis, in radians."""


def reconstruct(
    views: Sequence[View],
    priors: Sequence[MotionPrior],
    *,
    rng: np.random.Generator,
    markers: Sequence[Mapping[str, Doubles]] | None = None,
) -> Loop:
    """Return the loop of registered views.

    Args:
        views: Two or more views in the order of the table's rotation.
        priors: Priors of the motion from each view to the next, and from the last to the first.
        rng: Draws points and bases.
        markers: Reference points of each view by name; None without any.
    """
    count = len(views)
    keys = [(i, (i + 1) % count) for i in range(count)]
    links = {}
    for (i, j), prior in zip(keys, priors, strict=True):
        known = None if markers is None else by_markers(markers[i], markers[j])
        start = (
            initial_motions(views[i], views[j], prior=prior, rng=rng)
            if known is None
            else known[None]
        )
        links[i, j] = register_pair(views[i], views[j], prior=prior, motions=start, rng=rng)
    scanner = Scanner.of(views, [link.consistency for link in links.values()])
    within = dict(zip(keys, priors, strict=True))
    _retried(links, views, priors=within, limit=scanner.apart / APART, rng=rng)
    scanner = Scanner.of(views, [link.consistency for link in links.values()])
    used = dict(links)
    worst = max(links, key=lambda key: links[key].disagreement)
    if not links[worst].consistency.good(scanner.apart / APART):
        del used[worst]
    views = scanner.seen_by(views)
    poses = solve_poses(used, count)
    closing = closure(used, poses, points=MANY)
    rows = [sample_inner(view, POINTS, rng=rng) for view in views]
    poses = refined(views, rows, poses=poses)
    spacing = float(np.median([view.spacing for view in views]))
    outside = {} if markers else _outside(within, poses)
    pairs = _pairs(views, rows, poses=poses)
    return Loop(
        poses=poses,
        links=links,
        pairs=pairs,
        scanner=scanner,
        spacing=spacing,
        closing=closing,
        outside=outside,
    )


def _outside(
    priors: Mapping[tuple[int, int], MotionPrior], poses: Doubles
) -> dict[tuple[int, int], float]:
    """Return the rotations between neighbors that are outside their priors."""
    motions = {(i, j): inverse(poses[j]) @ poses[i] for i, j in priors}
    return {
        key: (prior.step + float(prior.excess_angle(motions[key][None])[0])) % (2 * np.pi)
        for key, prior in priors.items()
        if not prior.allows(motions[key][None], SLACK)[0]
    }


def _retried(
    links: dict[tuple[int, int], Link],
    views: Sequence[View],
    *,
    priors: Mapping[tuple[int, int], MotionPrior],
    limit: float,
    rng: np.random.Generator,
) -> None:
    """Replace inconsistent links by better ones about the axis of the consistent links.

    Links are consistent by the noise of their view or, if this is larger, by a limit.
    """
    good = [
        link for (i, _), link in links.items() if link.consistency.good(max(views[i].noise, limit))
    ]
    if len(good) < 2:
        return
    axis, center = common_axis(np.stack([link.motion for link in good]), priors[0, 1])
    for (i, j), link in links.items():
        if link.consistency.good(max(views[i].noise, limit)):
            continue
        prior = replace(
            priors[i, j], axis=axis, center=center, tilt=NARROW[0], shift=NARROW[1] * views[i].size
        )
        again = register_pair(
            views[i], views[j], prior=prior, motions=prior.angle_grid(SPACING), rng=rng
        )
        if again.disagreement < link.disagreement:
            links[i, j] = again


def _pairs(
    views: Sequence[View], rows: Sequence[Indices], *, poses: Doubles
) -> dict[tuple[int, int], Consistency]:
    found = {}
    for i in range(len(views)):
        for j in range(len(views)):
            if i != j:
                motion = inverse(poses[j]) @ poses[i]
                one = consistency(views[i], rows[i], target=views[j], motion=motion)
                if one.overlap >= OVERLAP:
                    found[i, j] = one
    return found
