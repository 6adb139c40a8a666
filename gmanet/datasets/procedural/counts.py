"""Numbers of points in the clouds of the ``full`` profile, after Table II.

Train clouds span what the paper's normal clouds do, test clouds what its abnormal ones do, normal
or not, so that a count tells nothing of a defect; where abnormal clouds reach farther than normal
ones, test clouds stop half way.  Within a group of clouds the counts are
``least + (most - least) * u^p`` at even steps of ``u`` from 0 to 1, in a random order; ``p`` gives
them the average.  Train clouds make up for the difference that normal test clouds make.
"""

from __future__ import annotations

import numpy as np

from gmanet.datasets.statistics import PAPER

__all__ = ["point_counts"]


def point_counts(
    category: str, split: str, *, clouds: int, train_share: float, rng: np.random.Generator
) -> list[int]:
    """Return the number of points of each cloud of a group.

    Args:
        category: A row of Table II.
        split: ``train`` or ``test``.
        clouds: Size of the group, at least two.
        train_share: Share of the normal clouds that are for training.
        rng: Draws the order.
    """
    average, most, least, test_average, test_most, test_least = PAPER[category][:6]
    if split == "train":
        average = test_average + (average - test_average) / train_share
    else:
        average = test_average
        most = test_most if test_most < most else np.sqrt(test_most * most)
        least = test_least if test_least > least else np.sqrt(test_least * least)
    power = (most - least) / (average - least) - 1
    counts = least + (most - least) * np.linspace(0, 1, clouds) ** power
    return [int(count) for count in np.rint(1000 * rng.permutation(counts))]
