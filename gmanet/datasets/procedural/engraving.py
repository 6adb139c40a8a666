"""Parts with a serial number that changes from part to part: a square nut and a tag."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gmanet.datasets.procedural.mesh import Array, Index, Mesh
from gmanet.datasets.procedural.shapes import (
    angles,
    bevel,
    box,
    face,
    levels,
    prism,
    revolve,
    smoothstep,
    vary,
    wall,
)

__all__ = ["engraved_nut", "engraved_tag", "groove"]

Lines = tuple[tuple[tuple[float, float], ...], ...]

STROKES: tuple[Lines, ...] = (
    (((0, 0), (0, 2), (1, 2), (1, 0), (0, 0)),),
    (((0.2, 1.6), (0.6, 2), (0.6, 0)),),
    (((0, 2), (1, 2), (1, 1), (0, 1), (0, 0), (1, 0)),),
    (((0, 2), (1, 2), (1, 0), (0, 0)), ((0.3, 1), (1, 1))),
    (((0, 2), (0, 0.8), (1, 0.8)), ((0.7, 1.4), (0.7, 0))),
    (((1, 2), (0, 2), (0, 1), (1, 1), (1, 0), (0, 0)),),
    (((1, 2), (0, 2), (0, 0), (1, 0), (1, 1), (0, 1)),),
    (((0, 2), (1, 2), (0.4, 0)),),
    (((0, 0), (0, 2), (1, 2), (1, 0), (0, 0)), ((0, 1), (1, 1))),
    (((1, 1), (0, 1), (0, 2), (1, 2), (1, 0), (0, 0)),),
)
"""Lines of each digit in a box of breadth 1 and height 2."""
PITCH = 1.7
"""Distance of two digits, in breadths of a digit."""
DEPTH = 0.008
"""Depth of the engraving, as a fraction of the part's diagonal."""


def groove(u: Array, v: Array, digits: Index, *, breadth: float, stroke: float) -> Array:
    """Return how deep a number is engraved, 0 outside the strokes to 1 in their middle, ``(V,)``.

    Args:
        u: Position along the number, in millimeters, with shape ``(V,)``; the first digit begins
            at 0.
        v: Position across it, in millimeters, with shape ``(V,)``; digits stand on 0.
        digits: The number's digits, with shape ``(D,)``.
        breadth: Breadth of a digit, in millimeters.
        stroke: Breadth of a stroke, in millimeters.
    """
    nearest = np.full(len(u), np.inf)
    place = np.stack([u, v], axis=1) / breadth
    for index, digit in enumerate(digits):
        for line in STROKES[int(digit)]:
            corner = np.array(line) + np.array([index * PITCH, 0.0])
            for start, end in pairwise(corner):
                along = end - start
                part = np.clip((place - start) @ along / (along @ along), 0.0, 1.0)
                away = np.linalg.norm(place - start - part[:, None] * along, axis=1)
                nearest = np.minimum(nearest, away)
    return smoothstep(-nearest * breadth, -0.5 * stroke, high=-0.2 * stroke)


def _length(count: int, breadth: float) -> float:
    """Return the length of a number of ``count`` digits."""
    return breadth * (PITCH * (count - 1) + 1)


def engraved_nut(rng: np.random.Generator) -> Mesh:
    """Return a square nut with a plain countersunk bore and six digits around it."""
    flats, high, bore = vary(rng, 19.0, 8.5, 4.6)
    step = 0.15
    theta = angles(2 * np.pi * flats * 0.62, step)
    up = levels(0.0, high, step=step)
    outside = np.minimum(prism(theta, 4, flats=flats), 0.64 * flats)
    outside = outside - bevel(up, 0.0, high=high, below=0.3, above=0.3)[:, None]
    inside = bore + bevel(up, 0.0, high=high, below=0.6, above=0.6)[:, None] + 0 * theta
    rows = [
        wall(outside, up),
        face(outside[-1], inside[-1], height=high, step=step),
        wall(inside[::-1], up[::-1]),
        face(inside[0], outside[0], height=0.0, step=step),
    ]
    mesh = revolve(theta, rows, kind="ring")
    x, y, z = mesh.vertices.T
    digits, middle = rng.integers(0, 10, 6), 7.3
    along = middle * (np.pi / 2 - np.arctan2(y, x)) + _length(6, 1.3) / 2  # read from outside
    depth = groove(along, np.hypot(x, y) - middle + 1.3, digits, breadth=1.3, stroke=0.55)
    return _engraved(mesh, depth * (z > high - 1e-6))


def engraved_tag(rng: np.random.Generator) -> Mesh:
    """Return a tag that tapers to one end, with four large digits on one side."""
    half = np.array(vary(rng, 18.0, 9.0, 1.8))
    mesh = box(half, 0.6, step=0.22)
    x, y, z = mesh.vertices.T
    digits = rng.integers(0, 10, 4)
    breadth = 4.0
    along, across = x + _length(4, breadth) / 2 + 2.0, y + breadth
    depth = groove(along, across, digits, breadth=breadth, stroke=1.0) * (z > half[2] - 1e-6)
    tapered = np.stack([x, y * (1 - 0.12 * (1 + x / half[0])), z], axis=1)
    return _engraved(mesh.moved(tapered), depth)


def _engraved(mesh: Mesh, depth: Array) -> Mesh:
    """Return a part whose upper side is lowered by ``DEPTH`` times a depth from 0 to 1."""
    return mesh.moved(mesh.vertices - (DEPTH * mesh.diagonal * depth)[:, None] * [0.0, 0.0, 1.0])
