"""The closed loop of registered views, and the check whether the views fit.

A wrong reconstruction must be detected: all pairs of views must agree where both show the same
surface, the rotations must be within their priors, the loop must close, and all views must be
connected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Doubles
from gmanet.turntable.consistency import APART, DISSENT, Consistency
from gmanet.turntable.pairwise import Link
from gmanet.turntable.scanner import Scanner

__all__ = ["Loop"]

CLOSING = 2.0
"""Largest motion of a link's points by closing the loop, in standard deviations of the scanner's
errors."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Loop:
    """Registered views around a turntable.

    Args:
        poses: Motions into the frame of the first view, with shape ``(V, 4, 4)``.
        links: Links from each view to the next, and from the last view to the first.
        pairs: Consistency of pairs (i, j) of views that overlap.
        scanner: Errors of the scanner.
        spacing: Median spacing of the views' points.
        closing: Largest motion of a link's points along their normals by closing the loop.
        outside: Rotations outside their priors, in radians, of neighboring views (i, j).
    """

    poses: Doubles
    links: Mapping[tuple[int, int], Link]
    pairs: Mapping[tuple[int, int], Consistency]
    scanner: Scanner
    spacing: float
    closing: float
    outside: Mapping[tuple[int, int], float]

    @property
    def agreeing(self) -> int:
        """Number of links that agree, within their priors."""
        limit = self.scanner.apart / APART
        return sum(
            link.consistency.good(limit) and key not in self.outside
            for key, link in self.links.items()
        )

    @property
    def apart(self) -> float:
        """Median distance of neighboring views' surfaces, each pair registered alone."""
        return float(np.median([link.consistency.apart for link in self.links.values()]))

    def trouble(self, names: Sequence[str]) -> str:
        """Return a sentence on why the views do not fit; empty if they fit.

        Args:
            names: Names of the views.
        """
        for (i, j), angle in self.outside.items():
            return (
                f"the turn from view {names[i]} to {names[j]} seems to be {np.rad2deg(angle):.0f} "
                "degrees, which is beyond the window"
            )
        for (i, j), one in self.pairs.items():
            if one.apart > self.scanner.apart:
                return (
                    f"views {names[i]} and {names[j]} lie {one.apart:.3g} apart where both show "
                    f"the same surface, wanted {self.scanner.apart:.3g} or less"
                )
            if one.dissent > DISSENT:
                return (
                    f"of view {names[i]}'s points by the surface of {names[j]}, {one.dissent:.0%} "
                    f"do not lie in it, wanted {DISSENT:.0%} or less"
                )
        if self.closing > CLOSING * self.scanner.error:
            return (
                f"the ring of views misses its start by {self.closing:.3g}, wanted "
                f"{CLOSING * self.scanner.error:.3g} or less"
            )
        together = connected(self.pairs, len(names))
        if len(together) < len(names):
            rest = ", ".join(name for i, name in enumerate(names) if i not in together)
            return f"views {rest} share too little surface with the others"
        return ""


def connected(pairs: Iterable[tuple[int, int]], count: int) -> set[int]:
    """Return the views that are connected with view 0 by pairs."""
    found, pairs = {0}, list(pairs)
    for _ in range(count):
        found |= {k for pair in pairs if found & set(pair) for k in pair}
    return found
