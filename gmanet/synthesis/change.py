"""What a perturbation is given of a cloud, and what it makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Labels

__all__ = ["Change", "Doubles", "Target"]

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
class Change:
    """A changed patch.

    Args:
        pos: Where its points are now, with shape ``(m, 3)``.
        label: Which of them are abnormal, with shape ``(m,)``.
        gone: Which of them are no more, with shape ``(m,)``.
        added: New points, all abnormal, with shape ``(a, 3)``.
    """

    pos: Doubles
    label: Labels
    gone: Labels
    added: Doubles = field(default_factory=lambda: np.zeros((0, 3)))

    @classmethod
    def moved(cls, pos: Doubles) -> Change:
        """Return a change where all points moved and none came or went."""
        return cls(pos, np.ones(len(pos), dtype=bool), np.zeros(len(pos), dtype=bool))
