"""Reference points that several views show: they alone register one view on another.

The paper sticks circular reference points to the part and its surroundings (Section III C).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gmanet.cloud import Doubles
from gmanet.geometry.se3 import rigid_fit

__all__ = ["FEWEST", "by_markers"]

FEWEST = 3
"""Reference points that both views must show."""

SPREAD = 0.1
"""They lie on a line where the second of their principal widths is less than this share of the
first; then they leave a rotation open."""


def by_markers(source: Mapping[str, Doubles], target: Mapping[str, Doubles]) -> Doubles | None:
    """Return the motion that aligns a view's reference points with another's, ``(4, 4)``.

    None where both show fewer than three of the same name, or these lie on a line.

    Args:
        source: Place of each point by its name, with shape ``(3,)``.
        target: The same of the other view.
    """
    names = sorted(source.keys() & target.keys())
    if len(names) < FEWEST:
        return None
    home, there = (np.array([one[name] for name in names]) for one in (source, target))
    widths = np.linalg.svd(home - home.mean(axis=0), compute_uv=False)
    if widths[1] < SPREAD * widths[0]:
        return None
    return rigid_fit(home, there)
