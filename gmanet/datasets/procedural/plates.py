"""Flat parts that warp: a notched ring and a plate with a collar."""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Array, Mesh
from gmanet.datasets.procedural.relief import warped
from gmanet.datasets.procedural.shapes import (
    angles,
    bevel,
    even_angles,
    face,
    levels,
    revolve,
    vary,
    wall,
)

__all__ = ["rectangle", "warped_plate", "warped_ring"]


def warped_ring(rng: np.random.Generator) -> Mesh:
    """Return a broad flat ring with a wide and a narrow notch in its rim, bent."""
    outer, bore, thick = vary(rng, 18.0, 8.5, 2.4)
    deep, shallow = vary(rng, 2.6, 1.6)
    step = 0.24
    theta = angles(2 * np.pi * outer, step)
    rim = outer - deep * np.exp(np.cos(theta) * 30 - 30)
    rim = rim - shallow * np.exp(np.cos(theta - 2.2) * 80 - 80)
    up = levels(0.0, thick, step=step)
    outside = rim - bevel(up, 0.0, high=thick, below=0.3, above=0.3)[:, None]
    inside = bore + bevel(up, 0.0, high=thick, below=0.3, above=0.6)[:, None] + 0 * theta
    rows = [
        wall(outside, up),
        face(outside[-1], inside[-1], height=thick, step=step),
        wall(inside[::-1], up[::-1]),
        face(inside[0], outside[0], height=0.0, step=step),
    ]
    return warped(revolve(theta, rows, kind="ring"), rng)


def warped_plate(rng: np.random.Generator) -> Mesh:
    """Return a rectangular plate with rounded corners and a collar round its bore, bent."""
    half, breadth, thick = vary(rng, 19.0, 12.5, 2.8)
    bore, collar, high = vary(rng, 4.0, 6.8, 6.0)
    step = 0.26
    fine = np.linspace(0, 2 * np.pi, 8000, endpoint=False)
    count = len(angles(4 * (half + breadth), step))
    theta = even_angles(fine, rectangle(fine, half, breadth), count=count)
    up, rise = levels(0.0, thick, step=step), levels(thick, high, step=step)
    hole = levels(0.0, high, step=step)
    outside = (
        rectangle(theta, half, breadth) - bevel(up, 0.0, high=thick, below=0.3, above=0.5)[:, None]
    )
    ring = collar - bevel(rise, thick, high=high, below=0.0, above=0.4)[:, None] + 0 * theta
    inside = bore + bevel(hole, 0.0, high=high, below=0.3, above=0.3)[:, None] + 0 * theta
    rows = [
        wall(outside, up),
        face(outside[-1], ring[0], height=thick, step=step),
        wall(ring, rise),
        face(ring[-1], inside[-1], height=high, step=step),
        wall(inside[::-1], hole[::-1]),
        face(inside[0], outside[0], height=0.0, step=step),
    ]
    return warped(revolve(theta, rows, kind="ring"), rng)


def rectangle(theta: Array, half: float, breadth: float) -> Array:
    """Return the radius of a rectangle with rounded corners (a superellipse of degree 10).

    Args:
        theta: Angles, with shape ``(columns,)``.
        half: Half length along x, in millimeters.
        breadth: Half length along y, in millimeters.
    """
    across = np.abs(np.cos(theta) / half) ** 10 + np.abs(np.sin(theta) / breadth) ** 10
    return np.asarray(across**-0.1)
