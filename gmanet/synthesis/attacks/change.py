"""What a perturbation is given of a cloud, what it makes of it, and the limit of its labels.

The limit of a label of a perturbation is that of the coordinates: a point that a perturbation moved
is abnormal if its coordinates in single precision, as a twin stores them, differ from those before.
There is no share of the largest move as for smooth defects (``synthesis.deform``): perturbed points
lie off the surface each by itself, and in a perturbed patch a point that moved little is no normal
surface either.  Points that were added are abnormal wherever they lie.  A removed point has no
label; in its place the nearest of the patch that remain are abnormal though they did not move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Doubles, Labels

__all__ = ["Attack", "Change", "Doubles", "Target", "relocated"]


def relocated(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> Labels:
    """Return which points moved, as single precision stores them, with shape ``(N,)``.

    Args:
        before: Coordinates, with shape ``(N, 3)``.
        after: Coordinates of the same points, with shape ``(N, 3)``.
    """
    stored = before.astype(np.float32), after.astype(np.float32)
    return np.asarray((stored[0] != stored[1]).any(axis=1))


@dataclass(frozen=True, eq=False, kw_only=True)
class Target:
    """A patch of a normal cloud.

    Args:
        pos: Its points, with shape ``(m, 3)``.
        center: The cloud's center, with shape ``(3,)``.
        depth: How far a point may move on average, in the unit of the points: together they have
            an L2 budget of ``depth * sqrt(m)``.
    """

    pos: Doubles
    center: Doubles
    depth: float

    @property
    def budget(self) -> float:
        """The largest L2 norm of all moves together."""
        return self.depth * float(np.sqrt(len(self.pos)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Change:
    """A changed patch.

    Args:
        pos: Where its points are now, with shape ``(m, 3)``.
        label: Which of them are abnormal, with shape ``(m,)``: of points that remain those that
            moved, or the rim of what is gone.
        gone: Which of them are no more, with shape ``(m,)``.
        closed: Which of them no later patch changes, with shape ``(m,)``.
        added: New points, all abnormal, with shape ``(a, 3)``.
    """

    pos: Doubles
    label: Labels
    gone: Labels
    closed: Labels
    added: Doubles = field(default_factory=lambda: np.zeros((0, 3)))

    @classmethod
    def moved(cls, before: Doubles, pos: Doubles) -> Change:
        """Return a change where points moved and none came or went.

        Args:
            before: Where the points were, with shape ``(m, 3)``.
            pos: Where they are now, with shape ``(m, 3)``.
        """
        every = np.ones(len(pos), dtype=bool)
        return cls(pos=pos, label=relocated(before, pos), gone=~every, closed=every)


Attack = Callable[[Target, np.random.Generator], Change]
"""What a perturbation does to a patch."""
