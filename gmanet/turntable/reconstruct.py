"""Views around a turntable, each laid on the next, the ring closed, and all refined together.

Links that do not agree are sought again once the good ones have told where the table's axis is: all
views share it.  One link that still does not agree is left out: the others hold the views together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gmanet.cloud import Indices
from gmanet.geometry.se3 import Doubles, inverse
from gmanet.turntable.consistency import OVERLAP, Agreement, agreement
from gmanet.turntable.joint_refinement import refined
from gmanet.turntable.loop import Ring
from gmanet.turntable.markers import by_markers
from gmanet.turntable.motion_prior import Window, common_axis
from gmanet.turntable.pairwise import MANY, SLACK, Link, chosen, laid, starts
from gmanet.turntable.pose_graph import closure, solve_poses
from gmanet.turntable.view import Sight

__all__ = ["put_together"]

POINTS = 2000
"""Points of each view that pairs are refined and checked with."""

NARROW = (np.deg2rad(2), 0.02)
"""Tilt and shift, a share of the view's size, about an axis that other links tell."""

RUNGS = np.deg2rad(2)
"""Turns that are then tried lie so far apart."""


def put_together(
    views: Sequence[Sight],
    windows: Sequence[Window],
    rng: np.random.Generator,
    markers: Sequence[Mapping[str, Doubles]] | None = None,
) -> Ring:
    """Return how views lie together.

    Args:
        views: In the order of the table's turns, two or more.
        windows: Of the motion from each to the next, the last one to the first.
        rng: Draws points and bases.
        markers: Reference points of each view by name, where there are any.
    """
    count = len(views)
    keys = [(i, (i + 1) % count) for i in range(count)]
    links = {}
    for (i, j), window in zip(keys, windows, strict=True):
        known = None if markers is None else by_markers(markers[i], markers[j])
        start = starts(views[i], views[j], window, rng) if known is None else known[None]
        links[i, j] = laid(views[i], views[j], window, start, rng)
    _retried(links, views, dict(zip(keys, windows, strict=True)), rng)
    noise = float(np.median([view.noise for view in views]))
    used = dict(links)
    worst = max(links, key=lambda key: links[key].merit)
    if not links[worst].agreement.good(noise):
        del used[worst]
    poses = solve_poses(used, count)
    closing = closure(used, poses, MANY)
    rows = [chosen(view, POINTS, rng) for view in views]
    poses = refined(views, rows, poses)
    spacing = float(np.median([view.spacing for view in views]))
    outside = {} if markers else _outside(dict(zip(keys, windows, strict=True)), poses)
    pairs = _pairs(views, rows, poses)
    return Ring(poses, links, pairs, noise, spacing, closing, outside)


def _outside(
    windows: Mapping[tuple[int, int], Window], poses: Doubles
) -> dict[tuple[int, int], float]:
    """Return the turns of neighbors that lie outside their windows."""
    motions = {(i, j): inverse(poses[j]) @ poses[i] for i, j in windows}
    return {
        key: (window.step + float(window.turns(motions[key][None])[0])) % (2 * np.pi)
        for key, window in windows.items()
        if not window.allows(motions[key][None], SLACK)[0]
    }


def _retried(
    links: dict[tuple[int, int], Link],
    views: Sequence[Sight],
    windows: Mapping[tuple[int, int], Window],
    rng: np.random.Generator,
) -> None:
    """Replace links that do not agree by such about the others' axis, where these agree better."""
    good = [link for (i, _), link in links.items() if link.agreement.good(views[i].noise)]
    if len(good) < 2:
        return
    axis, center = common_axis(np.stack([link.motion for link in good]), windows[0, 1])
    for (i, j), link in links.items():
        if link.agreement.good(views[i].noise):
            continue
        window = replace(
            windows[i, j], axis=axis, center=center, tilt=NARROW[0], shift=NARROW[1] * views[i].size
        )
        again = laid(views[i], views[j], window, window.ladder(RUNGS), rng)
        if again.merit < link.merit:
            links[i, j] = again


def _pairs(
    views: Sequence[Sight], rows: Sequence[Indices], poses: Doubles
) -> dict[tuple[int, int], Agreement]:
    found = {}
    for i in range(len(views)):
        for j in range(len(views)):
            if i != j:
                motion = inverse(poses[j]) @ poses[i]
                one = agreement(views[i], rows[i], views[j], motion)
                if one.overlap >= OVERLAP:
                    found[i, j] = one
    return found
