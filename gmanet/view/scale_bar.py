"""Round lengths of scale bars."""

from __future__ import annotations

import numpy as np

__all__ = ["round_length"]


def round_length(most: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is at most ``most``.

    Args:
        most: A positive length.
    """
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step for step in (0.5, 1, 2, 5) if step * power <= most) * power)
