"""Points on a mesh, even over its area, and whether they can be seen."""

from __future__ import annotations

import numpy as np

from gmanet.cloud import Doubles, Labels
from gmanet.nominal.mesh import TriangleMesh

__all__ = ["facing", "sample_mesh", "seen_from_somewhere"]

ROUNDS = (8, 16, 64)
"""Number of random rays from each point in each round; only points that nothing saw yet have a
further round."""

GRAZING = 0.17
"""Least cosine between a normal and the direction to the scanner at which it measures."""


def sample_mesh(
    mesh: TriangleMesh, count: int, *, rng: np.random.Generator
) -> tuple[Doubles, Doubles]:
    """Return random points on a mesh and the normals of their triangles, ``(count, 3)`` each.

    Each of ``count`` equal shares of the area holds one point, so that points are spread more
    evenly than independent ones.

    Args:
        mesh: The mesh.
        count: Number of points.
        rng: Generator of all random numbers.
    """
    total = np.cumsum(mesh.areas)
    at = (np.arange(count) + rng.random(count)) / count * total[-1]
    face = np.minimum(np.searchsorted(total, at), len(total) - 1)
    root, part = np.sqrt(rng.random(count)), rng.random(count)
    weight = np.stack([1 - root, root * (1 - part), root * part], axis=1)
    pos = np.einsum("nk,nkc->nc", weight, mesh.vertices[mesh.faces[face]])
    return np.asarray(pos), mesh.crosses[face] / (2 * mesh.areas[face])[:, None]


def seen_from_somewhere(mesh: TriangleMesh, pos: Doubles, *, rng: np.random.Generator) -> Labels:
    """Return whether a random ray from each point leaves the part, with shape ``(N,)``.

    Cavities inside a part, which no scanner sees, are told from its surface so.

    Args:
        mesh: The mesh.
        pos: Points on the mesh, with shape ``(N, 3)``.
        rng: Generator of the rays.
    """
    seen = np.zeros(len(pos), dtype=np.bool_)
    for rays in ROUNDS:
        left = np.flatnonzero(~seen)
        start = np.repeat(pos[left], rays, axis=0)
        direction = rng.normal(size=start.shape)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        seen[left] = mesh.escapes(start, direction).reshape(len(left), rays).any(axis=1)
    return seen


def facing(mesh: TriangleMesh, pos: Doubles, *, normal: Doubles, direction: Doubles) -> Labels:
    """Return whether a distant scanner sees points, with shape ``(N,)``.

    Args:
        mesh: The mesh.
        pos: Points on the mesh, with shape ``(N, 3)``.
        normal: Unit normals of either sign, with shape ``(N, 3)``.
        direction: Unit vector from the part to the scanner, with shape ``(3,)``.
    """
    steep = np.abs(normal @ direction) > GRAZING
    steep[steep] = mesh.escapes(pos[steep], direction)
    return steep
