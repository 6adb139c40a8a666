"""Parts whose good ones differ in shape: random relief of a skin, and warp of a plate."""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Array, Mesh

__all__ = ["roughened", "warped"]

ROUGHNESS = 0.002
"""Root mean square height of the skin, as a fraction of the part's diagonal.

Two castings are then .3 % of the diagonal apart, and the shallowest defects, .5 % deep, are deeper
than nearly all of the skin.
"""
LENGTHS = (0.04, 0.25)
"""Shortest and longest wavelength of the skin, as fractions of the diagonal."""
WAVES = 80
"""Number of plane waves that a skin is the sum of."""
WARP = (0.002, 0.01)
"""Least and greatest deflection of a warped plate, as fractions of the diagonal."""


def roughened(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """Return a part with a random relief along its normals, another one for every part.

    Args:
        mesh: The part as it was designed.
        rng: Draws directions, lengths and phases of the waves.
    """
    diagonal = mesh.diagonal
    shortest, longest = np.log(LENGTHS)
    length = diagonal * np.exp(rng.uniform(shortest, longest, WAVES))
    direction = rng.normal(size=(3, WAVES))
    direction *= 2 * np.pi / length / np.linalg.norm(direction, axis=0)
    phase = rng.uniform(0, 2 * np.pi, WAVES)
    height = np.cos(mesh.vertices @ direction + phase).sum(axis=1) / np.sqrt(WAVES / 2)
    return mesh.moved(mesh.vertices + ROUGHNESS * diagonal * height[:, None] * _normals(mesh))


def _normals(mesh: Mesh) -> Array:
    """Return unit normals at the vertices, averaged over the area around, with shape ``(V, 3)``."""
    crosses, corner = mesh.crosses(), mesh.faces.ravel()
    sums = [np.bincount(corner, np.repeat(axis, 3), len(mesh.vertices)) for axis in crosses.T]
    normal = np.stack(sums, axis=1)
    return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12))


def warped(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """Return a flat part about the z axis after it was dished, twisted and buckled.

    Args:
        mesh: The part, flat in the plane of x and y.
        rng: Draws the shape of the bend and the greatest deflection, see ``WARP``.
    """
    x, y, _ = mesh.vertices.T
    angle, far = np.arctan2(y, x), np.hypot(x, y)
    far = far / far.max()
    turns = rng.uniform(0, 2 * np.pi, 2)
    shapes = np.stack(
        [far**2, far**2 * np.cos(2 * angle + turns[0]), far**3 * np.cos(3 * angle + turns[1])]
    )
    bend = rng.normal(size=3) @ shapes
    bend *= mesh.diagonal * rng.uniform(*WARP) / np.abs(bend - bend.mean()).max()
    return mesh.moved(mesh.vertices + bend[:, None] * [0.0, 0.0, 1.0])
