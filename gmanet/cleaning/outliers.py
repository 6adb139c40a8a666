"""Iterated statistical outlier removal (the paper, Section III C).

A point is an outlier where its mean distance to its nearest neighbors exceeds the mean of all
points' by some standard deviations.  What is left has another mean, so that the removal is repeated
until it hardly finds any.  Whole places may be sparse, such as steep flanks, and would go round by
round: with a ratio of 3 a real scan on a grid loses a sixth of its points, with 5 half a percent.
So, after the far ones are gone, an outlier must also lie lonelier than its own neighbors do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from gmanet.cloud import MIN_POINTS, Floats, Labels
from gmanet.errors import InputError

__all__ = ["inliers"]

Doubles = npt.NDArray[np.float64]

BLOCK = 2**17
"""Points whose neighbors are held at a time."""


def inliers(
    pos: Floats,
    neighbors: int = 20,
    ratio: float = 5.0,
    stop: float = 0.005,
    rounds: int = 10,
    contrast: float = 2.0,
) -> Labels:
    """Return True where a point stays, with shape ``(N,)``.

    Args:
        pos: Coordinates in any unit, with shape ``(N, 3)``.
        neighbors: Nearest points whose mean distance counts, the point itself left out.
        ratio: Standard deviations above the mean.
        stop: A round that finds less than this share of the points is the last.
        rounds: At most.
        contrast: After the first round an outlier's mean distance is also more than so many times
            that of its neighbors, in the median; 0 does not ask.

    Raises:
        InputError: A parameter makes no sense, or hardly a point is left.
    """
    if neighbors < 1 or rounds < 0 or ratio <= 0 or not 0 <= stop < 1 or contrast < 0:
        raise InputError(
            f"neighbors={neighbors}, rounds={rounds}, ratio={ratio}, stop={stop} and "
            f"contrast={contrast}, wanted at least one neighbor, 0 or more rounds, a ratio above "
            "0, a share below 1 and a contrast of 0 or more"
        )
    left = np.asarray(cKDTree(pos).indices)  # neighbors side by side: searches are twice as fast
    mean, reach = np.zeros((2, len(pos)))
    lost = np.ones(len(pos), dtype=np.bool_)
    for index in range(rounds):
        tree = cKDTree(pos[left])
        mean[lost], reach[lost] = _distances(tree, pos[left[lost]], neighbors)
        far = mean > mean.mean() + ratio * mean.std()
        if index and contrast:
            suspects = far.nonzero()[0]
            around = tree.query(pos[left[suspects]], _ranks(tree, neighbors))[1]
            far[suspects] = mean[suspects] > contrast * np.median(mean[around], axis=1)
        gone, left, mean, reach = left[far], *(one[~far] for one in (left, mean, reach))
        if far.mean() <= stop or len(left) < MIN_POINTS:
            break
        # Only who has lost a neighbor has another mean distance than before.
        lost = np.asarray(cKDTree(pos[gone]).query(pos[left])[0]) <= reach
    kept = np.zeros(len(pos), dtype=np.bool_)
    kept[left] = True
    if kept.sum() < MIN_POINTS:
        raise InputError(f"{kept.sum()} of {len(pos)} points are no outliers, wanted a surface")
    return kept


def _distances(tree: cKDTree, query: Floats, neighbors: int) -> tuple[Doubles, Doubles]:
    """Return the mean and the greatest distance to the nearest other points, ``(Q,)`` each."""
    ranks = _ranks(tree, neighbors)
    blocks = [query[start : start + BLOCK] for start in range(0, len(query), BLOCK)]
    found = [np.asarray(tree.query(block, ranks)[0]) for block in blocks]
    both = [(one.mean(axis=1), one[:, -1]) for one in found] or [(np.zeros(0), np.zeros(0))]
    mean, reach = (np.concatenate(one) for one in zip(*both, strict=True))
    return mean, reach


def _ranks(tree: cKDTree, neighbors: int) -> npt.NDArray[np.int64]:
    """Return which of a point's nearest count, the first being the point itself."""
    return np.arange(2, min(neighbors + 1, tree.n) + 1)
