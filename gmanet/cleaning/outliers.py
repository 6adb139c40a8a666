"""Iterated statistical outlier removal (the paper, Section III C).

A point is an outlier where its mean distance to its nearest neighbors exceeds the mean of all
points' by some standard deviations.  Removal changes the mean, so rounds are repeated until hardly
any outliers are found.  Sparse regions, such as steep flanks, would be removed round by round: with
a ratio of 3 a real scan on a grid loses a sixth of its points, with a ratio of 5 half a percent.
Therefore, after the first round, an outlier must also be more isolated than its own neighbors.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from gmanet.cloud import MIN_POINTS, Doubles, Floats, Labels
from gmanet.errors import InputError
from gmanet.geometry.search.grid import grid_nearest
from gmanet.runtime.recent import Recent

__all__ = ["flying", "inliers"]


BLOCK = 2**17
"""Number of points in a block of neighbor queries."""


AROUND = 7
"""Number of neighbors that a surface has around each of its points."""

CONTRAST = 1.8
"""Largest distance of a point to its ``AROUND`` nearest neighbors, relative to that of these
neighbors.  Density that changes along a surface changes it little."""

REMOTE = 7.2
"""Largest distance of a point to its neighbors, in medians of all points' distances."""

LAST = 2
"""Number of clouds whose flying points are remembered."""

_RECENT: Recent[Labels] = Recent(LAST)


def flying(pos: Floats) -> Labels:
    """Return True where a point flies: no surface is around it, with shape ``(N,)``.

    Unlike :func:`inliers`, which cleans raw scans, this needs one search, and leaves the points of
    sparse and of unevenly dense surface alone.  No point flies where too few would remain.

    Results of the last clouds are remembered, as several steps ask for that of one scan.

    Args:
        pos: Coordinates in any unit, with shape ``(N, 3)``.
    """
    return _RECENT([pos], lambda: _flying(pos))


def _flying(pos: Floats) -> Labels:
    distance, index = grid_nearest(pos, pos, count=AROUND + 1)
    reach = distance[:, -1]
    near = np.median(reach[index[:, 1:]], axis=1)
    found = (reach > CONTRAST * near) | (reach > REMOTE * np.median(reach))
    enough = len(pos) - found.sum() >= MIN_POINTS
    return np.asarray(found & enough)


def inliers(
    pos: Floats,
    neighbors: int = 20,
    *,
    ratio: float = 5.0,
    stop: float = 0.005,
    rounds: int = 10,
    contrast: float = 2.0,
) -> Labels:
    """Return True where a point stays, with shape ``(N,)``.

    Args:
        pos: Coordinates in any unit, with shape ``(N, 3)``.
        neighbors: Number of nearest other points whose mean distance is compared.
        ratio: Limit for this distance, in standard deviations above the mean.
        stop: Share of outliers below which a round is the last.
        rounds: Largest number of rounds.
        contrast: Least ratio, after the first round, of an outlier's mean distance to the median of
            its neighbors' mean distances; 0 turns this condition off.

    Raises:
        InputError: A parameter is out of range, or hardly any points remain.
    """
    if neighbors < 1 or rounds < 0 or ratio <= 0 or not 0 <= stop < 1 or contrast < 0:
        raise InputError(
            f"neighbors={neighbors}, rounds={rounds}, ratio={ratio}, stop={stop} and "
            f"contrast={contrast}, wanted at least one neighbor, 0 or more rounds, a ratio above "
            "0, a share below 1 and a contrast of 0 or more"
        )
    left = np.asarray(cKDTree(pos).indices)  # neighbors close in memory: searches are twice as fast
    mean, reach = np.zeros((2, len(pos)))
    lost = np.ones(len(pos), dtype=np.bool_)
    for index in range(rounds):
        tree = cKDTree(pos[left])
        mean[lost], reach[lost] = _distances(tree, pos[left[lost]], neighbors=neighbors)
        far = mean > mean.mean() + ratio * mean.std()
        if index and contrast:
            suspects = far.nonzero()[0]
            around = tree.query(pos[left[suspects]], _ranks(tree, neighbors))[1]
            far[suspects] = mean[suspects] > contrast * np.median(mean[around], axis=1)
        gone, left, mean, reach = left[far], *(one[~far] for one in (left, mean, reach))
        if far.mean() <= stop or len(left) < MIN_POINTS:
            break
        # Mean distances change only where a neighbor was removed.
        lost = np.asarray(cKDTree(pos[gone]).query(pos[left])[0]) <= reach
    inner = np.zeros(len(pos), dtype=np.bool_)
    inner[left] = True
    if inner.sum() < MIN_POINTS:
        raise InputError(f"{inner.sum()} of {len(pos)} points are no outliers, wanted a surface")
    return inner


def _distances(tree: cKDTree, query: Floats, *, neighbors: int) -> tuple[Doubles, Doubles]:
    """Return the mean and the greatest distance to the nearest other points, ``(Q,)`` each."""
    ranks = _ranks(tree, neighbors)
    blocks = [query[start : start + BLOCK] for start in range(0, len(query), BLOCK)]
    found = [np.asarray(tree.query(block, ranks)[0]) for block in blocks]
    both = [(one.mean(axis=1), one[:, -1]) for one in found] or [(np.zeros(0), np.zeros(0))]
    mean, reach = (np.concatenate(one) for one in zip(*both, strict=True))
    return mean, reach


def _ranks(tree: cKDTree, neighbors: int) -> npt.NDArray[np.int64]:
    """Return the ranks of a point's neighbors in a query, in which the point itself has rank 1."""
    return np.arange(2, min(neighbors + 1, tree.n) + 1)
