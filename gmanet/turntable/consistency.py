"""Whether two views agree where both show the same surface.

Heights of one view's points above the other's tangent planes scatter by noise, curvature and errors
of normals.  A view's heights above *itself* (:attr:`View.own`) scatter by the same, so that the
excess of one variance over the other shows the distance of the surfaces, however they bend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Doubles, Indices
from gmanet.geometry.se3 import moved, rotated
from gmanet.turntable.view import View

__all__ = ["APART", "DISSENT", "OVERLAP", "Consistency", "consistency"]

REACH = 3.0
"""Largest tangential distance of a point from its nearest one on the same surface, in spacings."""

BEYOND = 20.0
"""Largest height of a point above or below the surface, in spacings."""

FACING = 0.8
"""Least cosine, of either sign, between both normals; below it an edge is between."""

NEAR = 6.0
"""Distance, in spacings, within which a point of one view is near the surface of the other."""

APART = 1.0
"""Largest distance of two views' surfaces (root mean square), in deviations of the noise."""

DISSENT = 0.12
"""Largest share of points near the other view's surface that are not on it."""

OVERLAP = 0.1
"""Least share of common points at which two views are compared."""

CLIP = 8.0
"""Limit of heights, in standard deviations of the noise: a few large ones cannot outweigh the rest,
while wrong registrations still stand out."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Consistency:
    """Consistency of a registered view with another view.

    Args:
        overlap: Share of the compared points that are on surface of both views.
        rms: Root mean square of their heights above the other's planes, in the unit of the views.
        own: Root mean square of the same points' heights above the planes of their own view.
        dissent: Share of the points near the other's surface that are not on it: off it, facing
            another way, or too high above it.
    """

    overlap: float
    rms: float
    own: float
    dissent: float

    @property
    def apart(self) -> float:
        """How far both surfaces lie apart, root mean square."""
        return float(np.sqrt(max(self.rms**2 - self.own**2, 0.0)))

    def good(self, noise: float) -> bool:
        """Return whether the views agree and overlap enough to show it."""
        right = self.apart <= APART * noise and self.dissent <= DISSENT
        return self.overlap >= OVERLAP and right


def consistency(source: View, rows: Indices, *, target: View, motion: Doubles) -> Consistency:
    """Return how chosen points of a view lie on another.

    Args:
        source: The one view.
        rows: Compared points of its inner surface.
        target: The other.
        motion: Source to target, with shape ``(4, 4)``.
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
        return Consistency(overlap=0.0, rms=float("inf"), own=0.0, dissent=1.0)
    clip = CLIP * max(source.noise, target.noise)
    near = inner & (gap[found] <= NEAR * target.spacing)
    agree = near & same & (np.abs(height) < clip)
    rms, own = (
        float(np.sqrt((np.clip(one, -clip, clip) ** 2).mean()))
        for one in (height[same], source.own[rows[found[same]]])
    )
    dissent = float(1 - agree.sum() / max(near.sum(), 1))
    return Consistency(overlap=float(same.sum() / len(rows)), rms=rms, own=own, dissent=dissent)
