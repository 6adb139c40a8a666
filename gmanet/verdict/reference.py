"""The reference that all scans of a part are registered on: a normal scan, or several in one.

Scans that show one side of a part may share little surface with the first normal scan.  Where some
of them cannot be registered on it, those that can are put together, and the union of their surfaces
is the reference instead.  Of 40 scans of a real part, the cable gland, some have an overlap of .16
with the first scan; the least overlap of all with the union is .99 (experiments/missing.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from gmanet.cloud import Cloud, Floats
from gmanet.geometry.neighbors import farthest_points
from gmanet.registration.cached import register_solid
from gmanet.registration.icp import Registration, apply
from gmanet.registration.symmetry import near_symmetries
from gmanet.registration.target import Target
from gmanet.synthesis.twins import Clouds

__all__ = [
    "REGISTERED",
    "common_reference",
    "placed",
    "reference_state",
    "spread",
    "stored_reference",
]

WHOLE = 0.95
"""Least overlap of all normal scans with the first one with which it is the reference."""

REGISTERED = 0.6
"""Least overlap of a scan with the reference, in the median overlap of the normal scans, with which
it counts as registered."""

CLOUDS = 40
"""Largest number of normal scans in the union."""

DRAWN, POINTS = 2048, 4096
"""Number of points of each normal scan from which those of the union are chosen, and their
number."""


def common_reference(
    clouds: Clouds | Sequence[Cloud], *, count: int
) -> tuple[Target, list[Registration]]:
    """Return the reference of a part and the registrations of the first normal scans on it.

    Args:
        clouds: Normal clouds of one part.
        count: Number of clouds that are registered.
    """
    some = range(min(count, len(clouds)))
    target = _as_stored(Target.of(clouds[0].pos))
    found = [register_solid(clouds[row].pos, target) for row in some]
    overlaps = np.array([each.overlap for each in found])
    if overlaps.min() >= WHOLE:
        return target, found
    middle = float(np.median(overlaps[1:]))
    usable = np.flatnonzero(overlaps >= REGISTERED * middle)[:CLOUDS].tolist()
    union = spread([placed(clouds[row].pos, found[row], target=target) for row in usable])
    joint = _as_stored(Target.of((union * target.length).astype(np.float32)))
    again = [register_solid(clouds[row].pos, joint) for row in some]
    if np.median([each.overlap for each in again]) <= middle:
        return target, found
    return joint, again


def placed(pos: Floats, found: Registration, *, target: Target) -> Floats:
    """Return the points of a scan about the target's centroid, in its extents, ``(N, 3)``.

    Args:
        pos: Coordinates of the scan, with shape ``(N, 3)``.
        found: Registration of the scan on the target.
        target: The target.
    """
    return ((apply(found, pos) - target.centroid) / target.length).astype(np.float32)


def spread(clouds: Sequence[Floats]) -> Floats:
    """Return points that are spread evenly over the surfaces of all clouds, with shape ``(M, 3)``.

    Args:
        clouds: Coordinates of each cloud in one frame, with shape ``(N, 3)``.
    """
    rng = np.random.default_rng(0)
    every = np.concatenate([pos[rng.permutation(len(pos))[:DRAWN]] for pos in clouds])
    return every[farthest_points(every, POINTS)]


def reference_state(reference: Target) -> dict[str, Any]:
    """Return the reference as plain values and tensors, with near symmetries.

    Args:
        reference: A target about its centroid.
    """
    return {**_surface(reference), "symmetries": torch.from_numpy(near_symmetries(reference))}


def stored_reference(state: Mapping[str, Any]) -> Target:
    """Return the reference that :func:`reference_state` described.

    Older versions stored no near symmetries.
    """
    points, normal = (state[name].numpy().astype(np.float64) for name in ("points", "normal"))
    symmetries = state.get("symmetries")
    return Target(
        points=points,
        normal=normal,
        centroid=np.zeros(3),
        length=float(np.float32(state["length"])),
        symmetries=None if symmetries is None else symmetries.numpy(),
    )


def _as_stored(made: Target) -> Target:
    """Return a target about its centroid in single precision, as detectors store theirs.

    A scan that both register on the same normal scan is registered once
    (``registration.cached``).
    """
    return stored_reference(_surface(made))


def _surface(target: Target) -> dict[str, Any]:
    """Return the surface of a target about its centroid, in single precision."""
    return {
        "points": torch.from_numpy(target.points.astype(np.float32)),
        "normal": torch.from_numpy(target.normal.astype(np.float32)),
        "length": target.length,
    }
