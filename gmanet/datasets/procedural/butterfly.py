"""Butterfly (wing) nut and bolt."""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Array, Mesh, fuse
from gmanet.datasets.procedural.shapes import (
    angles,
    bevel,
    face,
    levels,
    pillow,
    pillow_norm,
    revolve,
    vary,
    wall,
)
from gmanet.datasets.procedural.threads import bore, rod, tip

__all__ = ["butterfly_bolt", "butterfly_nut"]

_EXPONENTS = (2.3, 4.0)
"""Exponents of a wing's outline and thickness (:func:`pillow_norm`)."""


def butterfly_nut(rng: np.random.Generator) -> Mesh:
    """Return a wing nut, M8."""
    foot, crown, high, radius = vary(rng, 7.0, 5.6, 9.0, 4.0)
    (pitch,) = vary(rng, 1.25)
    step = 0.24
    theta = angles(2 * np.pi * foot * 1.15, step)
    up = levels(0.0, high, step=step)
    slope = foot + (crown - foot) * up / high
    outside = (slope - bevel(up, 0.0, high=high, below=0.3, above=0.5))[:, None] + 0 * theta
    inside, down = bore(rng, theta, ends=(0.0, high), radius=radius, pitch=pitch)
    rows = [
        wall(outside, up),
        face(outside[-1], inside[0], height=high, step=step),
        wall(inside, down),
        face(inside[-1], outside[0], height=0.0, step=step),
    ]
    return _winged(rng, revolve(theta, rows, kind="ring"), cone=(foot, crown, high), step=step)


def butterfly_bolt(rng: np.random.Generator) -> Mesh:
    """Return a wing bolt, M8."""
    foot, crown, high = vary(rng, 7.0, 5.4, 9.0)
    long, radius, pitch = vary(rng, 26.0, 4.0, 1.25)
    step = 0.28
    theta = angles(2 * np.pi * foot, step)
    shank, z = rod(rng, theta, ends=(-long, 0.0), cut=(-long, -3.0), size=(radius, pitch))
    shank = tip(shank, z, end=-long, flat=radius - 1.0)
    up = levels(0.0, high, step=step)
    slope = foot + (crown - foot) * up / high
    head = (slope - bevel(up, 0.0, high=high, below=0.3, above=0.6))[:, None] + 0 * theta
    rows = [
        face(0.0, shank[0], height=-long, step=step),
        wall(shank, z),
        face(shank[-1], head[0], height=0.0, step=step),
        wall(head, up),
        face(head[-1], 0.0, height=high, step=step),
    ]
    return _winged(rng, revolve(theta, rows, kind="solid"), cone=(foot, crown, high), step=step)


def _winged(
    rng: np.random.Generator, body: Mesh, *, cone: tuple[float, float, float], step: float
) -> Mesh:
    """Return a conical body with two wings that rise outward.

    Args:
        rng: Generator of the wings' dimensions.
        body: The part without wings, whose cone stands on the plane z = 0.
        cone: Radius at the bottom, radius at the top, and height of the cone, in millimeters.
        step: Longest edge of a triangle, in millimeters.
    """
    foot, crown, high = cone

    def inside_body(places: Array) -> Array:
        x, y, z = places.T
        sides = np.hypot(x, y) - foot - (crown - foot) * z / high
        return np.asarray(np.maximum(sides, np.maximum(z - high, -z)))

    for side in (1.0, -1.0):
        out, up, tilt = vary(rng, 13.2, 9.0, 0.5)
        half = np.array(vary(rng, 8.4, 1.5, 6.6))
        center = np.array([side * out, 0.0, up])
        turn = _turn(side * tilt)
        wing = pillow(half, _EXPONENTS, step=step)
        wing = wing.moved(wing.vertices @ turn.T + center)

        def inside_wing(
            places: Array, center: Array = center, turn: Array = turn, half: Array = half
        ) -> Array:
            norm = pillow_norm((places - center) @ turn, half, norm_of=_EXPONENTS)
            return np.asarray((norm - 1) * half.min())

        body = fuse(body, inside_body, second=wing, inside_second=inside_wing)
    return body


def _turn(angle: float) -> Array:
    """Return the rotation ``(3, 3)`` about y; a positive angle in radians raises the +x end."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])
