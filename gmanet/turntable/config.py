"""The settings of a turntable, and the motion priors that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gmanet.errors import InputError
from gmanet.turntable.motion_prior import MotionPrior

__all__ = ["TurntableConfig"]


@dataclass(frozen=True, kw_only=True)
class TurntableConfig:
    """Settings of the turntable.

    Args:
        step: Nominal rotation from view to view, in degrees, counterclockwise against the axis;
            0 for 360 degrees divided by the number of views.
        window: Largest deviation of a rotation from the nominal one, in degrees.
        known: Largest deviation if the angles of a part are given, in degrees.
        tilt: Largest deviation of the axis from the stated one, in degrees.
        shift: Largest shift of the axis from the stated center, as a share of the part's size.
        axis: Direction of the axis.
        center: A point on the axis, near the part, in the unit of the views.
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

    def priors(
        self, count: int, size: float, *, angles: Sequence[float] | None
    ) -> list[MotionPrior]:
        """Return the priors of the motions from each of ``count`` views to the next.

        Args:
            count: Number of views; the first view follows the last.
            size: Size of the part, in the unit of the views.
            angles: Angles of the table at each view, in degrees; None if unknown.
        """
        step = self.step or 360.0 / count
        at = np.arange(count) * step if angles is None else np.asarray(angles, np.float64)
        axis = np.asarray(self.axis) / np.linalg.norm(self.axis)
        width = np.deg2rad(self.window if angles is None else self.known)
        center, tilt = np.asarray(self.center, np.float64), np.deg2rad(self.tilt)
        return [
            MotionPrior(
                axis=axis,
                center=center,
                step=float(angle),
                width=float(width),
                tilt=float(tilt),
                shift=self.shift * size,
            )
            for angle in np.deg2rad(np.diff(at, append=at[0]))
        ]
