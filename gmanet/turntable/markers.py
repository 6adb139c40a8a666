"""Registration of views by reference points alone.

In the paper, circular reference points are attached to the part and its surroundings (Section III
C).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gmanet.cloud import Doubles
from gmanet.geometry.se3 import rigid_fit

__all__ = ["FEWEST", "by_markers"]

FEWEST = 3
"""Least number of reference points that both views show."""

SPREAD = 0.1
"""Least ratio of the second to the first principal width of the reference points.

Below the ratio the points lie on a line and do not determine the rotation about the line.
"""


def by_markers(source: Mapping[str, Doubles], target: Mapping[str, Doubles]) -> Doubles | None:
    """Return the motion that aligns a view's reference points with another's, ``(4, 4)``.

    The result is None if fewer than three points have the same name in both views, or if these lie
    on a line.

    Args:
        source: Positions of the view's points by name, with shape ``(3,)`` each.
        target: Positions of the other view's points.
    """
    names = sorted(source.keys() & target.keys())
    if len(names) < FEWEST:
        return None
    home, there = (np.array([one[name] for name in names]) for one in (source, target))
    widths = np.linalg.svd(home - home.mean(axis=0), compute_uv=False)
    if widths[1] < SPREAD * widths[0]:
        return None
    return rigid_fit(home, there)
