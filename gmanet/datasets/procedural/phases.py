"""Coarse threads that start at any angle against the head: a stud and a spindle."""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Array, Mesh
from gmanet.datasets.procedural.shapes import (
    angles,
    bevel,
    face,
    levels,
    prism,
    revolve,
    smoothstep,
    vary,
    wall,
)

__all__ = ["phase_spindle", "phase_stud", "screw"]


def screw(
    theta: Array, height: Array, *, pitch: float, starts: int, phase: float, depth: float
) -> Array:
    """Return the depth of a trapezoidal thread, with shape ``(rows, columns)``.

    Args:
        theta: Angles, with shape ``(columns,)``.
        height: Heights, with shape ``(rows,)``, in millimeters.
        pitch: Distance of neighboring threads along the axis, in millimeters.
        starts: Number of threads.
        phase: Angle of the first thread at height 0, in turns.
        depth: Depth of the thread, in millimeters.
    """
    turn = (height[:, None] / pitch - starts * (theta / (2 * np.pi) + phase)) % 1.0
    return depth * smoothstep(np.abs(2 * turn - 1), 0.3, high=0.75)


def phase_stud(rng: np.random.Generator) -> Mesh:
    """Return a stud with a coarse thread above a hexagonal collar and a pin below it."""
    long, radius, pitch = vary(rng, 30.0, 5.5, 3.5)
    flats, collar, pin, deep = vary(rng, 17.0, 7.0, 4.0, 8.0)
    step = 0.28
    theta = angles(2 * np.pi * flats * 0.55, step)
    ring = 0 * theta
    foot, hexagon = levels(-deep, 0.0, step=step), levels(0.0, collar, step=step)
    shaft = levels(collar, collar + long, step=pitch / 16)
    lower = pin - bevel(foot, -deep, high=0.0, below=0.8, above=0.0)[:, None] + ring
    gap = np.minimum(hexagon, collar - hexagon)[:, None]
    outline = np.minimum(prism(theta, 6, flats=flats), 0.485 * flats + gap / np.tan(np.pi / 6))
    cut = smoothstep(shaft, collar + 0.5 * pitch, high=collar + 1.5 * pitch)[:, None]
    cut = cut * screw(theta, shaft, pitch=pitch, starts=1, phase=rng.random(), depth=1.3)
    thread = np.minimum(radius - cut, radius - 1.5 + (shaft[-1] - shaft)[:, None])
    rows = [
        face(0.0, lower[0], height=-deep, step=step),
        wall(lower, foot),
        face(lower[-1], outline[0], height=0.0, step=step),
        wall(outline, hexagon),
        face(outline[-1], thread[0], height=collar, step=step),
        wall(thread, shaft),
        face(thread[-1], 0.0, height=shaft[-1], step=step),
    ]
    return revolve(theta, rows, kind="solid")


def phase_spindle(rng: np.random.Generator) -> Mesh:
    """Return a spindle: a two-start thread, a flange, and a square end for the key."""
    long, radius, pitch = vary(rng, 26.0, 6.5, 3.2)
    flange, thick, key, end = vary(rng, 10.0, 3.0, 9.0, 9.0)
    step = 0.28
    theta = angles(2 * np.pi * flange, step)
    ring = 0 * theta
    shaft = levels(-long, 0.0, step=pitch / 16)
    disk, square = levels(0.0, thick, step=step), levels(thick, thick + end, step=step)
    cut = smoothstep(-shaft, 0.5 * pitch, high=1.5 * pitch)[:, None]
    cut = cut * screw(theta, shaft, pitch=pitch, starts=2, phase=rng.random(), depth=1.2)
    thread = np.minimum(radius - cut, radius - 1.6 + (shaft - shaft[0])[:, None])
    brim = flange - bevel(disk, 0.0, high=thick, below=0.4, above=0.4)[:, None] + ring
    outline = np.minimum(prism(theta, 4, flats=key), 0.65 * key)
    outline = outline - bevel(square, thick, high=thick + end, below=0.0, above=0.8)[:, None]
    rows = [
        face(0.0, thread[0], height=-long, step=step),
        wall(thread, shaft),
        face(thread[-1], brim[0], height=0.0, step=step),
        wall(brim, disk),
        face(brim[-1], outline[0], height=thick, step=step),
        wall(outline, square),
        face(outline[-1], 0.0, height=thick + end, step=step),
    ]
    return revolve(theta, rows, kind="solid")
