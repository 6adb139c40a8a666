"""Input and output of a perturbation, and the labels of perturbed points.

A point that a perturbation moved is abnormal if its coordinates changed in single precision, the
precision of a twin.  There is no threshold on the displacement as for smooth defects
(``synthesis.deform``), because perturbed points leave the surface independently of each other, so
that points with small displacements are no normal surface either.  All added points are abnormal.
Removed points have no label; instead the nearest remaining points of the patch are abnormal,
although they did not move.
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
    """Return True for points whose coordinates differ in single precision, with shape ``(N,)``.

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
        pos: Points of the patch, with shape ``(m, 3)``.
        center: Center of the cloud, with shape ``(3,)``.
        depth: Largest root mean square of the points' displacements, in the unit of the points; the
            L2 budget of all displacements together is ``depth * sqrt(m)``.
    """

    pos: Doubles
    center: Doubles
    depth: float

    @property
    def budget(self) -> float:
        """Largest L2 norm of all displacements together, in the unit of the points."""
        return self.depth * float(np.sqrt(len(self.pos)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Change:
    """A changed patch.

    Args:
        pos: New positions of the points, with shape ``(m, 3)``.
        label: True for abnormal points, with shape ``(m,)``: points that moved, or remaining points
            near removed points.
        gone: True for removed points, with shape ``(m,)``.
        closed: True for points that later patches must not change, with shape ``(m,)``.
        added: New points, all abnormal, with shape ``(a, 3)``.
    """

    pos: Doubles
    label: Labels
    gone: Labels
    closed: Labels
    added: Doubles = field(default_factory=lambda: np.zeros((0, 3)))

    @classmethod
    def moved(cls, before: Doubles, pos: Doubles) -> Change:
        """Return a change in which points moved, and none were added or removed.

        Args:
            before: Positions of the points before, with shape ``(m, 3)``.
            pos: New positions, with shape ``(m, 3)``.
        """
        every = np.ones(len(pos), dtype=bool)
        return cls(pos=pos, label=relocated(before, pos), gone=~every, closed=every)


Attack = Callable[[Target, np.random.Generator], Change]
"""Function that perturbs a patch with random numbers of a generator."""
