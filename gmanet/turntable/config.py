"""What a user tells of a turntable, and the windows that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gmanet.errors import InputError
from gmanet.turntable.motion_prior import Window

__all__ = ["Turning"]


@dataclass(frozen=True)
class Turning:
    """What is known of the turntable.

    Args:
        step: Nominal turn from view to view, in degrees, counterclockwise seen against the axis; 0
            for a full turn divided by the number of views.
        window: A turn differs from the nominal one by so much at most, in degrees.
        known: The same where a part's angles are given.
        tilt: The axis differs from the stated one by so much at most, in degrees.
        shift: And lies off its center by so much at most, as a share of the part's size.
        axis: Its direction.
        center: A point of it, near the part, in the unit of the views.
    """

    step: float = 0.0
    window: float = 30.0
    known: float = 2.0
    tilt: float = 5.0
    shift: float = 0.1
    axis: tuple[float, ...] = (0.0, 0.0, 1.0)
    center: tuple[float, ...] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for name in ("axis", "center"):
            if len(getattr(self, name)) != 3 or not np.isfinite(getattr(self, name)).all():
                raise InputError(f"{name}={list(getattr(self, name))}, wanted three numbers")
        if not np.any(self.axis):
            raise InputError(f"axis={list(self.axis)}, wanted a direction")
        if not (0 < self.window <= 180 and 0 < self.known <= 180 and 0 < self.tilt <= 90):
            raise InputError(
                f"window={self.window}, known={self.known} and tilt={self.tilt}, wanted degrees "
                "above 0, and no tilt beyond 90"
            )
        if not self.shift > 0:
            raise InputError(f"shift={self.shift}, wanted a share above 0")

    def windows(self, count: int, size: float, angles: Sequence[float] | None) -> list[Window]:
        """Return the windows of the motions from each of ``count`` views to the next.

        Args:
            count: Number of views; the last one's next is the first.
            size: Of the part, in the unit of the views.
            angles: Of the table at each view, in degrees; None where nobody knows.
        """
        step = self.step or 360.0 / count
        at = np.arange(count) * step if angles is None else np.asarray(angles, np.float64)
        axis = np.asarray(self.axis) / np.linalg.norm(self.axis)
        width = np.deg2rad(self.window if angles is None else self.known)
        center, tilt = np.asarray(self.center, np.float64), np.deg2rad(self.tilt)
        return [
            Window(axis, center, float(turn), float(width), float(tilt), self.shift * size)
            for turn in np.deg2rad(np.diff(at, append=at[0]))
        ]
