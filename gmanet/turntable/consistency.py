"""Consistency of two registered views where both show the same surface.

The heights of a view's points above the tangent planes of the other view scatter by noise,
curvature and errors of normals.  The heights above the tangent planes of the same view
(:attr:`View.own`) scatter by the same causes.  The excess of the first variance over the second
therefore measures the distance of the surfaces, independent of their curvature.

The medians of the heights (:attr:`Consistency.usual`) leave out where only a few places are far
apart, while the systematic errors of a real scanner, a few times its noise, show nearly everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Doubles, Indices
from gmanet.geometry.se3 import moved, rotated
from gmanet.turntable.view import View

__all__ = ["APART", "DISSENT", "OVERLAP", "Consistency", "consistency"]

REACH = 3.0
"""Largest tangential distance of a point from the nearest point of the surface, in spacings."""

BEYOND = 20.0
"""Largest height of a point above or below the surface, in spacings."""

FACING = 0.8
"""Least absolute cosine between the normals of partners; at edges it is smaller."""

NEAR = 6.0
"""Distance, in spacings, within which a point of one view is near the surface of the other."""

APART = 1.0
"""Largest distance of two views' surfaces (root mean square), in deviations of the noise."""

DISSENT = 0.12
"""Largest share of points near the other view's surface that are not on it."""

OVERLAP = 0.1
"""Least share of common points of two views that can be compared."""

DEVIATION = 1.4826
"""Standard deviation of normally distributed values whose absolute values have the median 1."""

CLIP = 8.0
"""Limit to which heights are clipped, in standard deviations of the noise.

A few large heights cannot dominate the mean, and wrong registrations still stand out.
"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Consistency:
    """Consistency of a registered view with another view.

    Args:
        overlap: Share of the compared points that are on the surface of both views.
        rms: Root mean square of the heights of these points above the tangent planes of the other
            view, in the unit of the views.
        own: Root mean square of their heights above the tangent planes of their own view.
        usual: Distance of both surfaces as the medians of the absolute heights show it, in the unit
            of the views; a few places where the surfaces are far apart do not matter.
        dissent: Share of the points near the other surface that are not on the surface, because of
            their distance, normal or height.
    """

    overlap: float
    rms: float
    own: float
    usual: float
    dissent: float

    @property
    def apart(self) -> float:
        """Distance of both surfaces, root mean square, in the unit of the views."""
        return float(np.sqrt(max(self.rms**2 - self.own**2, 0.0)))

    def good(self, noise: float) -> bool:
        """Return whether the views agree and overlap enough, given the noise's deviation."""
        right = self.apart <= APART * noise and self.dissent <= DISSENT
        return self.overlap >= OVERLAP and right


def consistency(source: View, rows: Indices, *, target: View, motion: Doubles) -> Consistency:
    """Return the consistency of a view with another view.

    Args:
        source: View whose points are compared.
        rows: Indices of the compared points on the inner surface of the source.
        target: The other view.
        motion: Motion from source to target, with shape ``(4, 4)``.
    """
    position = moved(motion, source.pos[rows])
    far = BEYOND * target.spacing
    gap, partner = map(np.asarray, target.tree.query(position, distance_upper_bound=2 * far))
    found = np.flatnonzero(np.isfinite(gap))
    at = partner[found]
    height = np.einsum("nc,nc->n", position[found] - target.pos[at], target.normal[at])
    aside = np.sqrt(np.maximum(gap[found] ** 2 - height**2, 0))
    facing = np.einsum("nc,nc->n", rotated(motion, source.normal[rows[found]]), target.normal[at])
    inner = target.inner[at]
    same = inner & (aside <= REACH * target.spacing) & (np.abs(height) <= far)
    same &= np.abs(facing) >= FACING
    if not same.any():
        return Consistency(overlap=0.0, rms=float("inf"), own=0.0, usual=0.0, dissent=1.0)
    clip = CLIP * max(source.noise, target.noise)
    near = inner & (gap[found] <= NEAR * target.spacing)
    agree = near & same & (np.abs(height) < clip)
    heights = (height[same], source.own[rows[found[same]]])
    rms, own = (float(np.sqrt((np.clip(one, -clip, clip) ** 2).mean())) for one in heights)
    typical, alone = (float(np.median(np.abs(one))) for one in heights)
    return Consistency(
        overlap=float(same.sum() / len(rows)),
        rms=rms,
        own=own,
        usual=DEVIATION * math.sqrt(max(typical**2 - alone**2, 0.0)),
        dissent=float(1 - agree.sum() / max(near.sum(), 1)),
    )
