"""Cached registrations: several detectors register the same clouds on the same reference.

With a filled cache (:mod:`gmanet.runtime.cache`) the measured time of scoring excludes the
registration.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Floats
from gmanet.geometry.se3 import rigid
from gmanet.registration.icp import Registration, register
from gmanet.registration.target import Target
from gmanet.runtime.cache import cached

__all__ = ["register_cached"]

LAST = 4
"""Number of registrations that a process remembers: several steps need that of one scan."""

KIND = "registration-3"
"""Name of the cache; the number is raised whenever the result of a registration changes."""


def register_cached(source: Floats, target: Target) -> Registration:
    """Return ``registration.icp.register`` of both: computed, remembered or read from the cache."""

    def make() -> npt.NDArray[np.float64]:
        found = register(source, target)
        pose = (*found.rotation.ravel(), *found.translation)
        return np.array([*pose, found.inlier_rmse, found.overlap])

    parts = (source, target.points, target.normal, target.centroid, target.length)
    key = _key(parts)
    if key not in _LAST:
        _LAST[key] = cached(KIND, parts, length=14, make=make)
        while len(_LAST) > LAST:
            del _LAST[next(iter(_LAST))]
    values = _LAST[key]
    return Registration(
        T_target_source=rigid(values[:9].reshape(3, 3), values[9:12]),
        inlier_rmse=float(values[12]),
        overlap=float(values[13]),
    )


_LAST: dict[bytes, npt.NDArray[np.float64]] = {}
"""Hash of the inputs -> the last results."""


def _key(parts: tuple[npt.ArrayLike, ...]) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(np.ascontiguousarray(part).tobytes())
    return found.digest()
