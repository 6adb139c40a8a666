"""Elements of machined parts: surfaces of revolution, prisms, wings and rounded boxes.

A surface of revolution is a stack of rows.  A row is a closed curve around the z axis, given by
radius and height at the angles ``theta``.  The order of the rows is counterclockwise in the
half-plane (radius, height): outward along the bottom, up the outside, inward along the top, down
the bore.
"""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Array, Mesh, grid

__all__ = [
    "Rows",
    "angles",
    "bevel",
    "box",
    "even_angles",
    "face",
    "levels",
    "loose",
    "pillow",
    "pillow_norm",
    "prism",
    "revolve",
    "smoothstep",
    "vary",
    "wall",
]

Rows = tuple[Array, Array]
"""Radius and height of rows in millimeters, each with shape ``(rows, columns)``."""


def vary(rng: np.random.Generator, *nominal: float) -> list[float]:
    """Return dimensions with normally distributed errors of 0.4 %, clipped to 1 %."""
    error = np.clip(rng.normal(0.0, 0.004, len(nominal)), -0.01, 0.01)
    return [float(value * (1 + part)) for value, part in zip(nominal, error, strict=True)]


def loose(rng: np.random.Generator, nominal: float, *, tolerance: float) -> float:
    """Return a dimension of sheet or bar stock, uniform within a relative tolerance."""
    return nominal * (1 + rng.uniform(-tolerance, tolerance))


def smoothstep(value: Array, low: float, *, high: float) -> Array:
    """Return 0 below ``low``, 1 above ``high`` and a smooth increase between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t))


def angles(circumference: float, step: float) -> Array:
    """Return evenly spaced angles in radians, with shape ``(columns,)``.

    The number of angles is a multiple of 24, so that they include the corners of squares and
    hexagons.

    Args:
        circumference: Length of the curve, in millimeters.
        step: Largest distance along the curve, in millimeters.
    """
    count = 24 * int(np.ceil(circumference / step / 24))
    return 2 * np.pi * np.arange(count) / count


def even_angles(theta: Array, radius: Array, *, count: int) -> Array:
    """Return angles evenly spaced along a closed curve, with shape ``(count,)``.

    Args:
        theta: Increasing angles in radians, with shape ``(N,)``.
        radius: Radius of the curve at these angles, with shape ``(N,)``.
        count: Number of angles.
    """
    x, y = radius * np.cos(theta), radius * np.sin(theta)
    pieces = np.hypot(np.diff(x, append=x[0]), np.diff(y, append=y[0]))
    length = np.concatenate([[0.0], np.cumsum(pieces)])
    places = length[-1] * np.arange(count) / count
    return np.asarray(np.interp(places, length, np.append(theta, theta[0] + 2 * np.pi)))


def prism(theta: Array, sides: int, *, flats: float) -> Array:
    """Return the radii of a regular prism, with the shape of ``theta``.

    Args:
        theta: Angles in radians.
        sides: Number of sides.
        flats: Distance of opposite flats, in millimeters.
    """
    sector = 2 * np.pi / sides
    return flats / 2 / np.cos((theta + sector / 2) % sector - sector / 2)


def face(inner: Array | float, outer: Array | float, *, height: float, step: float) -> Rows:
    """Return the rows between two curves at the same height, without the curves.

    Args:
        inner: Radius of the first curve, in millimeters, with shape ``(columns,)`` or a number.
        outer: Radius of the second curve, likewise.
        height: Height of the rows, in millimeters.
        step: Largest distance of rows, in millimeters.
    """
    gap = np.atleast_1d(np.asarray(outer, dtype=float) - inner)
    count = max(2, int(np.ceil(np.abs(gap).max() / step)))
    radius = inner + np.arange(1, count)[:, None] / count * gap
    return radius, np.full_like(radius, height)


def wall(radius: Array, height: Array) -> Rows:
    """Return rows with radii of shape ``(rows, columns)`` and heights of shape ``(rows,)``."""
    return radius, np.broadcast_to(height[:, None], radius.shape)


def revolve(theta: Array, blocks: list[Rows], *, kind: str) -> Mesh:
    """Return the surface of revolution that consists of stacked rows.

    Args:
        theta: Angles in radians, with shape ``(columns,)``.
        blocks: Rows in their order, with radii and heights in millimeters.
        kind: ``ring``: the last row is connected to the first; ``solid``: the first and the last
            row are closed by a point on the axis; ``open``: only the first row is closed.
    """
    full = [[np.broadcast_to(a, (len(a), len(theta))) for a in block] for block in blocks]
    radius, height = (np.concatenate(arrays) for arrays in zip(*full, strict=True))
    places = np.stack([radius * np.cos(theta), radius * np.sin(theta), height], axis=-1)
    mesh = grid(places, wrap_rows=kind == "ring", wrap_columns=True)
    if kind == "ring":
        return mesh
    ring = np.arange(len(theta))
    after = np.roll(ring, -1)
    size, last = len(mesh.vertices), len(mesh.vertices) - len(theta)
    poles, fans = [[0.0, 0.0, height[0].mean()]], [np.stack([0 * ring + size, after, ring], axis=1)]
    if kind == "solid":
        poles.append([0.0, 0.0, height[-1].mean()])
        fans.append(np.stack([ring + last, after + last, 0 * ring + size + 1], axis=1))
    return Mesh(np.concatenate([mesh.vertices, poles]), np.concatenate([mesh.faces, *fans]))


def _cube(half: Array, step: float) -> Mesh:
    """Return the surface of a box about the origin with half lengths ``half``, shape ``(3,)``."""
    counts = np.maximum(2, np.ceil(2 * half / step).astype(int))
    sides = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        places = np.empty((counts[v] + 1, counts[u] + 1, 3))
        places[..., u] = np.arange(counts[u] + 1)
        places[..., v] = np.arange(counts[v] + 1)[:, None]
        for end in (0, 1):
            places[..., axis] = end * counts[axis]
            sides.append(grid(places.copy() if end else places[:, ::-1].copy()))
    offsets = np.cumsum([0] + [len(side.vertices) for side in sides[:-1]])
    faces = np.concatenate([side.faces + o for side, o in zip(sides, offsets, strict=True)])
    nodes = np.concatenate([side.vertices for side in sides]).astype(np.int64)
    keys = (nodes[:, 0] * (counts[1] + 1) + nodes[:, 1]) * (counts[2] + 1) + nodes[:, 2]
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    return Mesh((2 * nodes[first] / counts - 1) * half, place.ravel()[faces])


def box(half: Array, rounding: float, *, step: float) -> Mesh:
    """Return a box with rounded edges, centered at the origin.

    Args:
        half: Half lengths in millimeters, with shape ``(3,)``.
        rounding: Radius of the edges, in millimeters.
        step: Longest edge of a triangle, in millimeters.
    """
    mesh = _cube(half, step)
    core = np.clip(mesh.vertices, rounding - half, half - rounding)
    away = mesh.vertices - core
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    return mesh.moved(core + rounding * away)


def pillow(half: Array, norm_of: tuple[float, float], *, step: float) -> Mesh:
    """Return a flat wing centered at the origin, the unit ball of :func:`pillow_norm`.

    Args:
        half: Half lengths in millimeters, with shape ``(3,)``.
        norm_of: Exponents of the outline and of the thickness.
        step: Longest edge of a triangle, in millimeters.
    """
    mesh = _cube(half, step)
    return mesh.moved(mesh.vertices / pillow_norm(mesh.vertices, half, norm_of=norm_of)[:, None])


def pillow_norm(places: Array, half: Array, *, norm_of: tuple[float, float]) -> Array:
    """Return a homogeneous norm, 1 on the wing's surface, with shape ``(V,)``.

    Args:
        places: Positions with shape ``(V, 3)``; x and z span the wing, y is its thickness.
        half: Half lengths in millimeters, with shape ``(3,)``.
        norm_of: Exponents of the outline and of the thickness; 2 is round, larger exponents are
            more square.
    """
    x, y, z = np.abs(places / half).T
    outline, thick = norm_of
    flat = (x**outline + z**outline) ** (thick / outline)
    return np.asarray((flat + y**thick) ** (1 / thick))


def levels(low: float, high: float, *, step: float) -> Array:
    """Return increasing heights from ``low`` to ``high``, at most about ``step`` apart."""
    return np.linspace(low, high, max(2, int(np.ceil((high - low) / step - 0.2)) + 1))


def bevel(height: Array, low: float, *, high: float, below: float, above: float) -> Array:
    """Return the decrease of the radius by a 45° bevel at both ends of a wall.

    Args:
        height: Heights of the rows, with shape ``(rows,)``.
        low: Height of the lower end.
        high: Height of the upper end.
        below: Size of the lower bevel, in millimeters.
        above: Size of the upper bevel, in millimeters.
    """
    return np.maximum(0.0, np.maximum(below - (height - low), above - (high - height)))
