"""Bolts: hexagonal bolt, slipknot (eye) bolt and T screw."""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Array, Mesh, fuse
from gmanet.datasets.procedural.shapes import (
    angles,
    bevel,
    box,
    face,
    levels,
    prism,
    revolve,
    vary,
    wall,
)
from gmanet.datasets.procedural.threads import rod, tip

__all__ = [
    "hexagonal_bolt",
    "slipknot_bolt",
    "t_screw",
]


def _head(theta: Array, flats: float, *, high: float, step: float) -> tuple[Array, Array]:
    """Return radii and heights of a hexagon head on z = 0 with chamfered upper corners.

    Args:
        theta: Angles in radians, with shape ``(columns,)``.
        flats: Distance of opposite flats, in millimeters.
        high: Height of the head, in millimeters.
        step: Largest distance of rows, in millimeters.
    """
    up = levels(0.0, high, step=step)
    cone = 0.475 * flats + (high - up)[:, None] / np.tan(np.pi / 6)
    return np.minimum(prism(theta, 6, flats=flats), cone), up


def hexagonal_bolt(rng: np.random.Generator) -> Mesh:
    """Return a hexagon head bolt, M12, with a thread over two thirds of the shank."""
    long, radius, pitch, cut = vary(rng, 44.0, 6.0, 1.75, 29.0)
    flats, high = vary(rng, 18.5, 7.6)
    step = 0.34
    theta = angles(2 * np.pi * flats * 0.55, step)
    shank, z = rod(rng, theta, ends=(-long, 0.0), cut=(-long, -long + cut), size=(radius, pitch))
    shank = tip(shank, z, end=-long, flat=radius - 1.3)
    head, up = _head(theta, flats, high=high, step=step)
    rows = [
        face(0.0, shank[0], height=-long, step=step),
        wall(shank, z),
        face(shank[-1], head[0], height=0.0, step=step),
        wall(head, up),
        face(head[-1], 0.0, height=high, step=step),
    ]
    return revolve(theta, rows, kind="solid")


def slipknot_bolt(rng: np.random.Generator) -> Mesh:
    """Return an eye bolt, M10: a flat-sided eye with a cross hole on a threaded shank."""
    long, radius, pitch, cut = vary(rng, 36.0, 5.0, 1.5, 24.0)
    outer, hole, wide = vary(rng, 9.5, 4.8, 11.0)
    step = 0.32
    theta = angles(2 * np.pi * radius, step)
    sunk = -(outer - 2.0)  # the shank ends within the eye's wall
    low = -outer - long
    shank, z = rod(rng, theta, ends=(low, sunk), cut=(low, low + cut), size=(radius, pitch))
    shank = tip(shank, z, end=low, flat=radius - 1.2)
    pin = revolve(theta, [face(0.0, shank[0], height=low, step=step), wall(shank, z)], kind="open")

    def inside_pin(places: Array) -> Array:
        x, y, height = places.T
        return np.asarray(np.maximum(np.hypot(x, y) - radius, height - sunk))

    def inside_eye(places: Array) -> Array:
        x, y, height = places.T
        ends = wide / 2 - np.abs(y)
        return np.asarray(
            np.maximum(np.hypot(x, height) - outer + np.maximum(0.0, 0.8 - ends), -ends)
        )

    return fuse(
        _eye(outer, hole, wide=wide, step=step), inside_eye, second=pin, inside_second=inside_pin
    )


def _eye(outer: float, hole: float, *, wide: float, step: float) -> Mesh:
    """Return a short tube about the y axis with beveled ends."""
    theta = angles(2 * np.pi * outer, step)
    up = levels(-wide / 2, wide / 2, step=step)
    outside = outer - bevel(up, up[0], high=up[-1], below=0.8, above=0.8)[:, None] + 0 * theta
    inside = hole + bevel(up, up[0], high=up[-1], below=0.4, above=0.4)[:, None] + 0 * theta
    rows = [
        wall(outside, up),
        face(outside[-1], inside[0], height=up[-1], step=step),
        wall(inside, up[::-1]),
        face(inside[-1], outside[0], height=up[0], step=step),
    ]
    tube = revolve(theta, rows, kind="ring")
    x, y, z = tube.vertices.T
    return tube.moved(np.stack([x, z, -y], axis=1))


def t_screw(rng: np.random.Generator) -> Mesh:
    """Return a T-slot screw, M10: a long rectangular head across a threaded shank."""
    long, radius, pitch, cut = vary(rng, 40.0, 5.0, 1.5, 27.0)
    half = np.array(vary(rng, 12.0, 5.6, 3.4))
    step, rounding = 0.32, 0.7
    theta = angles(2 * np.pi * radius, step)
    middle = np.array([0.0, 0.0, half[2]])
    shank, z = rod(rng, theta, ends=(-long, 1.0), cut=(-long, -long + cut), size=(radius, pitch))
    shank = tip(shank, z, end=-long, flat=radius - 1.2)
    pin = revolve(
        theta, [face(0.0, shank[0], height=-long, step=step), wall(shank, z)], kind="open"
    )
    head = box(half, rounding, step=step)

    def inside_pin(places: Array) -> Array:
        x, y, height = places.T
        return np.asarray(np.maximum(np.hypot(x, y) - radius, height - 1.0))

    def inside_head(places: Array) -> Array:
        away = np.abs(places - middle) - half + rounding
        outside = np.linalg.norm(np.maximum(away, 0.0), axis=1)
        return np.asarray(outside + np.minimum(away.max(axis=1), 0.0) - rounding)

    return fuse(
        head.moved(head.vertices + middle), inside_head, second=pin, inside_second=inside_pin
    )
