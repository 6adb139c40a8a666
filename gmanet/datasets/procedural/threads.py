"""Threads: the helix, rods with an external thread and bores with an internal thread."""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Array
from gmanet.datasets.procedural.shapes import levels, smoothstep

__all__ = ["bore", "rod", "thread", "tip"]


def thread(theta: Array, height: Array, *, pitch: float, phase: float) -> Array:
    """Return the relative depth of a right-handed thread: 0 on the crest, 1 at the root.

    The result has shape ``(rows, columns)``.

    Args:
        theta: Angles in radians, with shape ``(columns,)``.
        height: Heights with shape ``(rows,)``, in millimeters.
        pitch: Rise per turn, in millimeters.
        phase: Angle at which the crest starts, in turns.
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
    """Return radii and increasing heights of a rod with an external thread.

    The radii have shape ``(rows, columns)``, the heights ``(rows,)``; both are in millimeters.

    Args:
        rng: Generator of the angle at which the thread starts.
        theta: Angles in radians, with shape ``(columns,)``.
        ends: Lower and upper height of the rod, in millimeters.
        cut: Lower and upper height of the thread, in millimeters; within one pitch beyond these
            heights the thread runs out.
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
    """Return the radii of a rod with a chamfered end.

    Args:
        radius: Radii of the rod, with shape ``(rows, columns)``.
        height: Heights of the rows, with shape ``(rows,)``.
        end: Height of the end, in millimeters.
        flat: Radius of the end, in millimeters.
    """
    return np.minimum(radius, flat + np.abs(height - end)[:, None])


def bore(
    rng: np.random.Generator,
    theta: Array,
    *,
    ends: tuple[float, float],
    radius: float,
    pitch: float,
) -> tuple[Array, Array]:
    """Return radii and decreasing heights of a threaded bore with countersunk ends.

    The radii have shape ``(rows, columns)``, the heights ``(rows,)``; both are in millimeters.

    Args:
        rng: Generator of the angle at which the thread starts.
        theta: Angles in radians, with shape ``(columns,)``.
        ends: Lower and upper height of the bore, in millimeters.
        radius: Largest radius of the thread, in millimeters.
        pitch: Rise per turn, in millimeters.
    """
    low, high = ends
    height = levels(low, high, step=pitch / 14)[::-1]
    depth = 0.54 * pitch
    cut = radius - depth + depth * thread(theta, height, pitch=pitch, phase=rng.random())
    sink = radius * 1.05 - np.minimum(height - low, high - height)[:, None]
    return np.maximum(cut, sink), height
