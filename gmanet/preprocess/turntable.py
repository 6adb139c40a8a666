"""Views around a turntable, each laid on the next, the ring closed, and all refined together.

Links that do not agree are sought again once the good ones have told where the table's axis is: all
views share it.  What comes out is checked against the noise: every pair of views must agree where
both show the same surface, and all views must hang together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from gmanet.cloud import Indices
from gmanet.geometry.motion import Doubles, inverse
from gmanet.preprocess.agreement import Agreement, agreement
from gmanet.preprocess.markers import by_markers
from gmanet.preprocess.multiview import refined
from gmanet.preprocess.pairwise import Link, chosen, laid, starts
from gmanet.preprocess.posegraph import closure, solve_poses
from gmanet.preprocess.sight import Sight
from gmanet.preprocess.window import Window

__all__ = ["APART", "OVERLAP", "Ring", "ring"]

APART = 1.0
"""Views agree where their surfaces lie apart by less than so many standard deviations of noise,
root mean square."""

DISSENT = 0.12
"""And where a smaller share of points by the other's surface does not lie in it."""

CLOSING = 2.0
"""Closing the ring may move a link's points by so many standard deviations of noise."""

OVERLAP = 0.1
"""A link rests on this share of a view's points at least."""

POINTS = 2000
"""Points of each view that pairs are refined and checked with."""

NARROW = (np.deg2rad(0.5), 0.005)
"""Tilt and shift, a share of the view's size, about an axis that other links tell."""

RUNGS = np.deg2rad(2)
"""Turns that are then tried lie so far apart."""


@dataclass(frozen=True, eq=False)
class Ring:
    """Views that are put together.

    Args:
        poses: Motions into the frame of the first view, with shape ``(V, 4, 4)``.
        links: From each view to the next, the last one to the first.
        pairs: How pairs (i, j) of views agree in the end, where they overlap.
        noise: Of the views.
        spacing: Of their points.
        closing: How far closing the ring moved a link's points along their normals at most.
    """

    poses: Doubles
    links: Mapping[tuple[int, int], Link]
    pairs: Mapping[tuple[int, int], Agreement]
    noise: float
    spacing: float
    closing: float

    def trouble(self, names: Sequence[str]) -> str:
        """Return why the views do not fit, in words; empty if they do.

        Args:
            names: Of the views.
        """
        for (i, j), one in self.pairs.items():
            if one.apart > APART * self.noise:
                return (
                    f"views {names[i]} and {names[j]} lie {one.apart:.3g} apart where both show "
                    f"the same surface, wanted {APART * self.noise:.3g} or less"
                )
            if one.dissent > DISSENT:
                return (
                    f"of view {names[i]}'s points by the surface of {names[j]}, {one.dissent:.0%} "
                    f"do not lie in it, wanted {DISSENT:.0%} or less"
                )
        if self.closing > CLOSING * self.noise:
            return (
                f"the ring of views misses its start by {self.closing:.3g}, wanted "
                f"{CLOSING * self.noise:.3g} or less"
            )
        together = connected(self.pairs, len(names))
        if len(together) < len(names):
            rest = ", ".join(name for i, name in enumerate(names) if i not in together)
            return f"views {rest} share too little surface with the others"
        return ""


def connected(pairs: Iterable[tuple[int, int]], count: int) -> set[int]:
    """Return the views that hang together with view 0 by pairs."""
    found, pairs = {0}, list(pairs)
    for _ in range(count):
        found |= {k for pair in pairs if found & set(pair) for k in pair}
    return found


def ring(
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
        links[i, j] = laid(views[i], views[j], start, rng)
    _retried(links, views, dict(zip(keys, windows, strict=True)), rng)
    noise = float(np.median([view.noise for view in views]))
    used = dict(links)
    worst = max(links, key=lambda key: links[key].merit)
    if not _good(links[worst], noise):
        del used[worst]
    poses = solve_poses(used, count)
    closing = closure(used, poses, 3000)
    rows = [chosen(view, POINTS, rng) for view in views]
    poses = refined(views, rows, poses)
    spacing = float(np.median([view.spacing for view in views]))
    return Ring(poses, links, _pairs(views, rows, poses), noise, spacing, closing)


def _good(link: Link, noise: float) -> bool:
    one = link.agreement
    return one.overlap >= OVERLAP and one.apart <= APART * noise and one.dissent <= DISSENT


def _retried(
    links: dict[tuple[int, int], Link],
    views: Sequence[Sight],
    windows: Mapping[tuple[int, int], Window],
    rng: np.random.Generator,
) -> None:
    """Replace links that do not agree by such about the others' axis, where these agree better."""
    good = [link for (i, _), link in links.items() if _good(link, views[i].noise)]
    if len(good) < 2:
        return
    axis, center = common_axis(np.stack([link.motion for link in good]), windows[0, 1])
    for (i, j), link in links.items():
        if _good(link, views[i].noise):
            continue
        window = replace(
            windows[i, j], axis=axis, center=center, tilt=NARROW[0], shift=NARROW[1] * views[i].size
        )
        again = laid(views[i], views[j], window.ladder(RUNGS), rng)
        if again.merit < link.merit:
            links[i, j] = again


def common_axis(motions: Doubles, window: Window) -> tuple[Doubles, Doubles]:
    """Return the direction and a center of the axis that motions ``(C, 4, 4)`` turn about.

    Args:
        motions: Turns about one axis, about.
        window: Whose axis gives the sign, and whose center the place along the axis.
    """
    vectors = Rotation.from_matrix(motions[:, :3, :3]).as_rotvec()
    sign = np.sign(vectors @ window.axis)[:, None]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    axis = np.median(sign * vectors / np.maximum(lengths, 1e-9), axis=0)
    axis /= np.linalg.norm(axis)
    # (1 - R) center = shift holds across the axis; along it the center stays where it was.
    matrix = np.concatenate([*(np.eye(3) - motions[:, :3, :3]), 1e-6 * axis[None]])
    vector = np.concatenate([*motions[:, :3, 3], [1e-6 * float(axis @ window.center)]])
    return axis, np.asarray(np.linalg.lstsq(matrix, vector)[0])


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
