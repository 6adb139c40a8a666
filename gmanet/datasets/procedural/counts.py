"""Numbers of points in the clouds of the ``full`` profile, after Table II.

Counts of train clouds have the range of the paper's normal clouds.  Counts of all test clouds,
normal or defective, have the range of the paper's abnormal clouds, so that a count does not reveal
a defect; an end of this range outside the range of the normal clouds is replaced by the geometric
mean of this end and of the normal clouds' end.  Within a group of clouds the counts are
``least + (most - least) * u^p`` at evenly spaced ``u`` from 0 to 1, in a random order; ``p`` is
chosen for the average of Table II.  The average of the train clouds is corrected for the normal
test clouds, so that all normal clouds together have the average of Table II.
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
        train_share: Share of the normal clouds that are train clouds.
        rng: Generator of the order.
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
