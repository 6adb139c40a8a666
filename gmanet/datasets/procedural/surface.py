"""Simulated scan of a surface: uniform points, machining marks, scanner noise, a random pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from gmanet.datasets.procedural.mesh import Array, Index, Mesh

__all__ = ["POSES", "Scatter", "finish", "pose", "scatter"]

POSES = ("any", "turntable")
"""Poses of the scans: uniform in SO(3) and shifted by at most half a diagonal along each axis; or
turned by any angle about the vertical axis, which a turntable with a tilt and a part beside its
center gives."""

TILT, ASIDE = np.deg2rad(3.0), 0.05
"""Largest tilt of a turntable, in radians, and distance of a part from the center along each
horizontal axis, in diagonals."""

NOISE = 0.0005
"""Standard deviation of the scanner's noise, in diagonals of the part."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Scatter:
    """Random positions on a mesh.

    Args:
        place: Coordinates, with shape ``(N, 3)``.
        normal: Unit outward normals, with shape ``(N, 3)``.
        corner: Vertex indices of the triangle that contains the position, with shape ``(N, 3)``.
        weight: Barycentric coordinates of the position in the triangle, with shape ``(N, 3)``.
    """

    place: Array
    normal: Array
    corner: Index
    weight: Array


def scatter(mesh: Mesh, count: int, *, rng: np.random.Generator) -> Scatter:
    """Return random positions, uniform per area, in the order of the faces."""
    crosses = mesh.crosses()
    double = np.sqrt(np.einsum("ij,ij->i", crosses, crosses))
    total = np.cumsum(double)
    # Stratified: one position in each of ``count`` equal shares of the area, so clumps are rarer.
    at = (np.arange(count) + rng.random(count)) / count * total[-1]
    face = np.minimum(np.searchsorted(total, at), len(total) - 1)
    root, part = np.sqrt(rng.random(count)), rng.random(count)
    weight = np.stack([1 - root, root * (1 - part), root * part], axis=1)
    corner = mesh.faces[face]
    place = np.einsum("nk,nkc->nc", weight, mesh.vertices[corner])
    return Scatter(
        place=place, normal=crosses[face] / double[face, None], corner=corner, weight=weight
    )


def finish(kind: str, spots: Scatter, *, diagonal: float, rng: np.random.Generator) -> Array:
    """Return positions with machining marks and scanner noise, with shape ``(N, 3)``.

    Args:
        kind: ``turning``: fine grooves around the part's axis; ``grinding``: fine parallel lines.
        spots: Positions in the part's frame.
        diagonal: The part's diagonal, in millimeters.
        rng: Generator of the noise and of the strength, spacing and phase of the marks.
    """
    x, y, z = spots.place.T
    angle, phase = rng.uniform(0, 2 * np.pi, 2)
    along = (
        np.hypot(x, y) + z if kind == "turning" else x * np.cos(angle) + y * np.sin(angle) + 0.5 * z
    )
    spacing = diagonal * rng.uniform(0.008, 0.012)
    height = diagonal * rng.uniform(0.0002, 0.0004) * np.sin(2 * np.pi * along / spacing + phase)
    noise = rng.normal(0.0, NOISE * diagonal, spots.place.shape)
    return np.asarray(spots.place + height[:, None] * spots.normal + noise)


def pose(place: Array, diagonal: float, *, rng: np.random.Generator, kind: str = "any") -> Array:
    """Return positions after a random rigid motion, with shape ``(N, 3)``.

    Args:
        place: Positions with shape ``(N, 3)``; the axis of the part is the third one.
        diagonal: The part's diagonal, in millimeters.
        rng: Generator of the motion.
        kind: One of ``POSES``.
    """
    if kind == "turntable":
        angle, toward = rng.uniform(0, 2 * np.pi, 2)
        tilt = rng.uniform(0, TILT) * np.array([np.cos(toward), np.sin(toward), 0.0])
        turn = (Rotation.from_rotvec(tilt) * Rotation.from_rotvec([0, 0, angle])).as_matrix()
        return np.asarray(place @ turn.T + rng.uniform(-ASIDE, ASIDE, 3) * diagonal * [1, 1, 0])
    w, x, y, z = (q := rng.normal(size=4)) / np.linalg.norm(q)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return np.asarray(place @ turn.T + rng.uniform(-0.5, 0.5, 3) * diagonal)
