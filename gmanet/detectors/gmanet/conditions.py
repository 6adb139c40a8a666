"""How a cloud was scanned: noise and density, which the networks read at every center.

Networks that learn from scans with more noise and fewer points would otherwise take a shallow
defect of a clean scan for noise.
"""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Floats

__all__ = ["CONDITIONS", "conditions"]

CONDITIONS = 2
"""Number of values: noise and spacing of the points."""

FLATTEST = 0.1
"""Quantile of the heights of points over local planes that is taken for the noise."""

SPACED = 4
"""Number of a point's nearest point whose distance is taken for the spacing."""

TINY, MOST = 1e-30, 1e3
"""Least radius, and largest ratio to it: points that lie in one place have no spacing."""

FLOOR = 1e-3
"""Length that is added before the logarithm, in radii of the neighborhoods."""


def conditions(distance: Floats, variance: Floats, *, radius: float) -> Floats:
    """Return logarithms of noise and spacing, in radii of neighborhoods, with shape ``(2,)``.

    Args:
        distance: Distances of points to their nearest points, ascending, with shape ``(Q, K)``.
        variance: Variances of the neighborhoods along the normals, with shape ``(Q,)``.
        radius: Radius of the neighborhoods that normals are fitted to.
    """
    noise = np.sqrt(max(float(np.quantile(variance, FLATTEST)), 0.0))
    spacing = float(np.median(distance[:, min(SPACED, distance.shape[1] - 1)]))
    ratio = np.array([noise, spacing]) / max(radius, TINY)
    return np.log(np.minimum(ratio, MOST) + FLOOR).astype(np.float32)
