"""Shapes of the five defects: displacement of each vertex for a footprint of a given size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gmanet.datasets.procedural.mesh import Array
from gmanet.datasets.procedural.region import Region
from gmanet.datasets.procedural.shapes import smoothstep

__all__ = ["BALL", "Shape", "bump", "deformation", "dent", "scar", "scratch"]

Shape = Callable[[float], Array]
"""Function of a footprint's size in millimeters that returns displacements, ``(P, 3)``.

The longest displacement has a length of about 1.
"""
BALL = 3.0
"""Radius of the ball that holds a footprint, in radii of a disk with the footprint's area."""


def bump(region: Region, rng: np.random.Generator, sign: float = 1.0) -> Shape:
    """Return a smooth bump on a random ellipse, with flanks of random steepness."""
    aspect = np.exp(rng.uniform(0.0, 0.7))
    power = rng.uniform(1.2, 3.0)
    a, b, c = _frame(region, rng)
    reach = np.sqrt(a**2 / aspect + b**2 * aspect + c**2)
    outward = _outward(region, reach * BALL / region.radius)
    reach = reach * (1 + 0.06 * _waves(region.place, region.radius, rng=rng))
    return lambda size: sign * (np.clip(1 - (reach / size) ** 2, 0, 1) ** power)[:, None] * outward


def dent(region: Region, rng: np.random.Generator) -> Shape:
    """Return a smooth dent."""
    return bump(region, rng, sign=-1.0)


def scar(region: Region, rng: np.random.Generator) -> Shape:
    """Return a long torn patch with a ragged outline, a rough floor and a raised rim."""
    aspect = rng.uniform(1.8, 3.5)
    a, b, c = _frame(region, rng)
    reach = np.sqrt(a**2 / aspect + b**2 * aspect + c**2)
    typical = region.radius / BALL
    outward = _outward(region, reach / typical)
    ragged = reach * (1 + 0.16 * _waves(region.place, 1.2 * typical, rng=rng))
    rough = -0.6 + 0.22 * _waves(region.place, 0.55 * typical, rng=rng)

    def shape(size: float) -> Array:
        edge = ragged / size
        relief = rough * smoothstep(-edge, -1.0, high=-0.75)
        lip = 0.35 * np.exp(-(((edge - 0.95) / 0.1) ** 2))
        return np.asarray((relief + lip * (1 + rough))[:, None] * outward)

    return shape


def deformation(region: Region, rng: np.random.Generator) -> Shape:
    """Return a broad displacement in one direction, common to both sides of the wall."""
    side = np.cross(region.up, rng.normal(size=3))
    push = rng.choice([-1.0, 1.0]) * region.up + rng.uniform(0, 0.8) * side / np.linalg.norm(side)
    push /= np.linalg.norm(push)
    aspect = np.exp(rng.uniform(0.0, 0.5))
    a, b, c = _frame(region, rng)
    reach = np.sqrt(a**2 / aspect + b**2 * aspect + c**2)
    return lambda size: (np.clip(1 - (reach / size) ** 2, 0, 1) ** 2)[:, None] * push


def scratch(region: Region, length: float, *, breadth: float, rng: np.random.Generator) -> Shape:
    """Return narrow grooves with raised banks along slightly bent parallel paths.

    Args:
        region: The surface around the seed.
        length: Length of the longest path, in millimeters.
        breadth: Total width of all grooves, in diagonals of the part.
        rng: Generator of the paths.
    """
    a, b, _ = _frame(region, rng)
    count = int(np.clip(np.ceil(breadth / 0.05), 1, 3))
    path = b - rng.uniform(-0.8, 0.8) / length * a**2
    path = path + 0.01 * length * np.sin(2 * np.pi * a / length * 1.3 + rng.uniform(0, 6.28))
    starts = rng.uniform(-0.1, 0.1, count) * length
    ends = rng.uniform(0.75, 1.0, count) * length / 2
    gaps = np.arange(count) * rng.uniform(2.3, 3.2)
    waver = 1 + 0.2 * np.cos(2 * np.pi * a / length * 2.1 + rng.uniform(0, 6.28))
    sheet = (
        region.normal
        * (region.same * smoothstep(region.normal @ region.up, -0.35, high=-0.1))[:, None]
    )

    def shape(size: float) -> Array:
        total = np.zeros(len(a))
        for start, end, gap in zip(starts, ends, gaps, strict=True):
            q = path / size - gap
            groove = -np.exp(-((q / 0.5) ** 2)) + 0.35 * np.exp(-(((np.abs(q) - 0.95) / 0.3) ** 2))
            total += groove * smoothstep(-np.abs(a - start) / end, -1.0, high=-0.7)
        return np.asarray((total * waver)[:, None] * sheet)

    return shape


def _frame(region: Region, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return coordinates along two random tangents and along the seed's normal, each ``(P,)``."""
    tangent = np.cross(region.up, rng.normal(size=3))
    tangent /= np.linalg.norm(tangent)
    across = np.cross(region.up, tangent)
    return region.place @ tangent, region.place @ across, region.place @ region.up


def _outward(region: Region, reach: Array) -> Array:
    """Return a direction for each vertex that follows the surface's bend but not its threads.

    The direction is an affine function of the position, fitted to the normals near the seed.  Its
    length decreases to 0 where the normal points away from it, so that walls next to an edge do not
    move.

    Args:
        region: The surface around the seed.
        reach: Distance from the seed, in radii of the footprint, with shape ``(P,)``.
    """
    weight = np.sqrt(region.area * region.same * np.exp(-np.minimum(reach**2, 50.0)))[:, None]
    terms = np.concatenate([np.ones((len(reach), 1)), region.place], axis=1)
    ridge = 1e-3 * weight.max() * np.eye(4)
    left = np.concatenate([terms * weight, ridge])
    right = np.concatenate([region.normal * weight, np.zeros((4, 3))])
    bend = np.linalg.lstsq(left, right, rcond=None)[0]
    direction = terms @ bend
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    facing = np.einsum("ij,ij->i", direction, region.normal)
    return np.asarray(direction * (smoothstep(facing, -0.1, high=0.35) * region.same)[:, None])


def _waves(place: Array, length: float, *, rng: np.random.Generator) -> Array:
    """Return smooth noise of standard deviation 1 and wavelength ``length``, shape ``(P,)``."""
    count = 10
    direction = rng.normal(size=(3, count))
    direction *= (
        2 * np.pi / length / np.linalg.norm(direction, axis=0) * rng.uniform(0.6, 1.4, count)
    )
    phase = rng.uniform(0, 2 * np.pi, count)
    return np.asarray(np.cos(place @ direction + phase).sum(axis=1) / np.sqrt(count / 2))
