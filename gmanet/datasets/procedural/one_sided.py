"""Parts that a scanner sees from above alone, a little tilted each time: a cover and a block.

The surface that is not seen is taken off the mesh before it is deformed and sampled, so that every
defect lies, as a whole, where the scanner looks.
"""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Array, Mesh
from gmanet.datasets.procedural.plates import rectangle
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
from gmanet.geometry.visibility import visible

__all__ = ["one_sided_block", "one_sided_cover", "seen"]

TILT = 15.0
"""Largest angle between the axis of a part and the direction to the scanner, in degrees."""
GRAZING = 0.17
"""Least cosine between the normal and the direction to the scanner at which it measures."""


def seen(mesh: Mesh, direction: Array) -> Mesh:
    """Return the triangles of a part that are seen from far away; the mesh is open then.

    Args:
        mesh: The whole part.
        direction: Unit vector from the part to the scanner, with shape ``(3,)``.
    """
    crosses = mesh.crosses()
    facing = crosses @ direction > GRAZING * np.linalg.norm(crosses, axis=1)
    middle = mesh.vertices[mesh.faces].mean(axis=1)
    faces = mesh.faces[facing & visible(middle.astype(np.float32), direction)]
    used, corner = np.unique(faces, return_inverse=True)
    return Mesh(mesh.vertices[used], corner.reshape(-1, 3))


def _direction(rng: np.random.Generator) -> Array:
    """Return a direction to the scanner within ``TILT`` of the z axis, with shape ``(3,)``."""
    tilt, turn = np.radians(TILT) * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
    return np.array([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)])


def one_sided_cover(rng: np.random.Generator) -> Mesh:
    """Return the upper side of a round cover with three ears, a step and a recess."""
    outer, ear, drum, hollow = vary(rng, 14.0, 4.0, 10.5, 5.5)
    thick, high, deep = vary(rng, 3.5, 9.0, 3.0)
    step = 0.26
    theta = angles(2 * np.pi * (outer + ear), step)
    ears = sum(np.exp(np.cos(theta - turn) * 25 - 25) for turn in (0.0, 1.9, 4.1))
    ring = 0 * theta
    foot, step_up = levels(0.0, thick, step=step), levels(thick, high, step=step)
    down = levels(high - deep, high, step=step)[::-1]
    edge = outer + ear * ears - bevel(foot, 0.0, high=thick, below=0.4, above=0.8)[:, None]
    side = (
        drum
        - bevel(step_up, thick, high=high, below=0.0, above=1.0)[:, None]
        - 0.3 * (step_up - thick)[:, None]
    )
    side = side + ring
    bowl = hollow - 0.5 * (high - down)[:, None] + ring
    rows = [
        face(0.0, edge[0], height=0.0, step=step),
        wall(edge, foot),
        face(edge[-1], side[0], height=thick, step=step),
        wall(side, step_up),
        face(side[-1], bowl[0], height=high, step=step),
        wall(bowl, down),
        face(bowl[-1], 0.0, height=high - deep, step=step),
    ]
    return seen(revolve(theta, rows, kind="solid"), _direction(rng))


def one_sided_block(rng: np.random.Generator) -> Mesh:
    """Return the upper side of a block with an oblong tower that stands off its middle."""
    half, breadth, thick = vary(rng, 17.0, 11.0, 6.0)
    tower, narrow, high, off = vary(rng, 8.0, 5.5, 13.0, 3.0)
    step = 0.26
    fine = np.linspace(0, 2 * np.pi, 8000, endpoint=False)
    count = len(angles(4 * (half + breadth), step))
    theta = even_angles(fine, rectangle(fine, half, breadth), count=count)
    foot, rise = levels(0.0, thick, step=step), levels(thick, high, step=step)
    edge = (
        rectangle(theta, half, breadth)
        - bevel(foot, 0.0, high=thick, below=0.3, above=1.2)[:, None]
    )
    side = 1 / np.hypot(np.cos(theta) / tower, np.sin(theta) / narrow)
    side = (
        side
        - bevel(rise, thick, high=high, below=0.0, above=1.0)[:, None]
        - 0.12 * (rise - thick)[:, None]
    )
    rows = [
        face(0.0, edge[0], height=0.0, step=step),
        wall(edge, foot),
        face(edge[-1], side[0], height=thick, step=step),
        wall(side, rise),
        face(side[-1], 0.0, height=high, step=step),
    ]
    mesh = revolve(theta, rows, kind="solid")
    x, y, z = mesh.vertices.T
    inner = np.clip(1.6 - np.hypot(x / half, y / breadth) * 1.6, 0.0, 1.0)
    moved = mesh.moved(np.stack([x + off * inner * (z >= thick - 1e-6), y, z], axis=1))
    return seen(moved, _direction(rng))
