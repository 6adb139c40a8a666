"""Threads: the helix itself, rods with an outer thread and bores with an inner one."""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Array
from gmanet.datasets.procedural.shapes import levels, smoothstep

__all__ = ["bore", "rod", "thread", "tip"]


def thread(theta: Array, height: Array, *, pitch: float, phase: float) -> Array:
    """Return how deep a right-handed thread is cut, 0 on the crest to 1 at the root.

    Args:
        theta: Angles with shape ``(columns,)``.
        height: Heights with shape ``(rows,)``, in millimeters.
        pitch: Rise of one turn, in millimeters.
        phase: Where the crest starts, in turns.
    """
    turn = (height[:, None] / pitch - theta / (2 * np.pi) + phase) % 1.0
    return smoothstep(np.abs(2 * turn - 1), 0.12, high=0.80)


def rod(
    rng: np.random.Generator,
    theta: Array,
    *,
    ends: tuple[float, float],
    cut: tuple[float, float],
    size: tuple[float, float],
) -> tuple[Array, Array]:
    """Return radii and rising heights of a rod with an outer thread.

    Args:
        rng: Draws where the thread starts.
        theta: Angles with shape ``(columns,)``.
        ends: Lower and upper height of the rod.
        cut: Lower and upper height of the thread; it runs out at the inner end.
        size: Radius of the rod and pitch of the thread, in millimeters.
    """
    radius, pitch = size
    height = levels(ends[0], ends[1], step=pitch / 14)
    depth = smoothstep(height, cut[0] - pitch, high=cut[0]) * smoothstep(
        -height, -cut[1] - pitch, high=-cut[1]
    )
    groove = 0.6 * pitch * depth[:, None] * thread(theta, height, pitch=pitch, phase=rng.random())
    return radius - groove, height


def tip(radius: Array, height: Array, *, end: float, flat: float) -> Array:
    """Return the radii with the rod's end at height ``end`` chamfered to the radius ``flat``."""
    return np.minimum(radius, flat + np.abs(height - end)[:, None])


def bore(
    rng: np.random.Generator,
    theta: Array,
    *,
    ends: tuple[float, float],
    radius: float,
    pitch: float,
) -> tuple[Array, Array]:
    """Return radii and falling heights of a threaded bore with countersunk ends.

    Args:
        rng: Draws where the thread starts.
        theta: Angles with shape ``(columns,)``.
        ends: Lower and upper height.
        radius: Largest radius of the thread, in millimeters.
        pitch: Rise of one turn, in millimeters.
    """
    low, high = ends
    height = levels(low, high, step=pitch / 14)[::-1]
    depth = 0.54 * pitch
    cut = radius - depth + depth * thread(theta, height, pitch=pitch, phase=rng.random())
    sink = radius * 1.05 - np.minimum(height - low, high - height)[:, None]
    return np.maximum(cut, sink), height
