"""Cached registrations: several detectors register the same clouds on the same reference.

With a filled cache (:mod:`gmanet.runtime.cache`) the measured time of scoring excludes the
registration.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmanet.cleaning.outliers import flying
from gmanet.cloud import Doubles, Floats
from gmanet.geometry.se3 import rigid
from gmanet.registration.icp import Registration, register
from gmanet.registration.target import Target
from gmanet.runtime.cache import cached
from gmanet.runtime.recent import Recent

__all__ = ["register_cached", "register_solid"]

LAST = 4
"""Number of registrations that a process remembers: several steps need that of one scan."""

KIND = "registration-6"
"""Name of the cache; the number is raised whenever the result of a registration changes."""

_RECENT: Recent[npt.NDArray[np.float64]] = Recent(LAST)


def register_cached(
    source: Floats, target: Target, *, start: Doubles | None = None
) -> Registration:
    """Return ``registration.icp.register`` of these: computed, remembered or read from the cache.

    Args:
        source: Coordinates, with shape ``(N, 3)``.
        target: The target.
        start: Pose that is refined, with shape ``(4, 4)``; None to try many.
    """

    def make() -> npt.NDArray[np.float64]:
        found = register(source, target, start=start)
        pose = (*found.rotation.ravel(), *found.translation)
        return np.array([*pose, found.inlier_rmse, found.overlap])

    more: list[Doubles] = [part for part in (target.spread, start) if part is not None]
    fixed = (target.points, target.normal, target.centroid)
    parts: list[npt.ArrayLike] = [source, *fixed, target.length, *more]
    values = _RECENT(parts, lambda: cached(KIND, parts, length=14, make=make))
    return Registration(
        T_target_source=rigid(values[:9].reshape(3, 3), values[9:12]),
        inlier_rmse=float(values[12]),
        overlap=float(values[13]),
    )


def register_solid(
    pos: Floats, target: Target, *, start: Registration | None = None
) -> Registration:
    """Return :func:`register_cached` of a cloud without its flying points.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        target: The target.
        start: Registration on a similar target, which is refined; None for none.
    """
    pose = None if start is None else start.T_target_source
    return register_cached(pos[~flying(pos)], target, start=pose)
