"""The surface around a place: the part of a mesh that a defect may move.

Distances are measured in a ball; which vertices belong to the same sheet of surface is read off the
mesh's edges, so that the far side of a thin plate stays out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from gmanet.datasets.procedural.mesh import Array, Index, Mesh
from gmanet.datasets.procedural.shapes import smoothstep

__all__ = ["Region", "around", "pick"]

_BLUR = 6
"""Rounds of averaging normals over neighbors: about 1.5 % of the part's diagonal."""
_OPPOSITE = -0.35
"""A vertex whose normal has this cosine or less to the seed's belongs to another side."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Region:
    """Vertices in a ball round a place on the surface.

    Args:
        vertex: Indices in the whole mesh, with shape ``(P,)``.
        place: Coordinates relative to the seed, in millimeters, with shape ``(P, 3)``.
        normal: Unit normals, averaged over the neighborhood, with shape ``(P, 3)``.
        area: Surface belonging to each vertex, in square millimeters, with shape ``(P,)``.
        same: Whether a vertex is on the seed's side of the part, with shape ``(P,)``.
        fade: 1 inside, falling to 0 at the ball's border, with shape ``(P,)``.
        up: Unit normal at the seed, with shape ``(3,)``.
        radius: Radius of the ball, in millimeters.
    """

    vertex: Index
    place: Array
    normal: Array
    area: Array
    same: np.ndarray[tuple[int], np.dtype[np.bool_]]
    fade: Array
    up: Array
    radius: float


def pick(areas: Array, rng: np.random.Generator) -> int:
    """Return a random face, its chance proportional to its area."""
    total = np.cumsum(areas)
    return int(np.searchsorted(total, rng.random() * total[-1]))


def around(mesh: Mesh, crosses: Array, *, face: int, radius: float) -> Region:
    """Return what lies within ``radius`` of the middle of a face.

    Args:
        mesh: The part.
        crosses: Its :meth:`Mesh.crosses`, with shape ``(F, 3)``.
        face: The face that holds the seed.
        radius: Radius of the ball, in millimeters.
    """
    seed = mesh.vertices[mesh.faces[face]].mean(axis=0)
    offset = mesh.vertices - seed
    near = np.einsum("ij,ij->i", offset, offset) < radius**2
    near[mesh.faces[face]] = True
    inside = np.flatnonzero(near[mesh.faces].any(axis=1))
    vertex, local = np.unique(mesh.faces[inside], return_inverse=True)
    local = local.reshape(-1, 3)
    count = len(vertex)
    normal = _gathered(local, crosses[inside], count=count)
    area = _gathered(local, np.linalg.norm(crosses[inside], axis=1)[:, None] / 6, count=count)[:, 0]
    edges = csr_array(
        (np.ones(local.size), (local.ravel(), np.roll(local, 1, axis=1).ravel())),
        shape=(count, count),
    )
    normal = _blurred(_unit(normal), edges)
    home = np.searchsorted(vertex, mesh.faces[face])
    up = _unit(normal[home].sum(axis=0)[None])[0]
    front = normal @ up > _OPPOSITE
    front[home] = True
    links = edges.tocoo()
    kept = front[links.row] & front[links.col]
    sheet = csr_array((links.data[kept], (links.row[kept], links.col[kept])), shape=edges.shape)
    part = connected_components(sheet, directed=False)[1]
    place = offset[vertex]
    fade = smoothstep(-np.linalg.norm(place, axis=1) / radius, -1.0, high=-0.8)
    return Region(
        vertex=vertex,
        place=place,
        normal=normal,
        area=area,
        same=part == part[home[0]],
        fade=fade,
        up=up,
        radius=radius,
    )


def _gathered(local: Index, values: Array, *, count: int) -> Array:
    """Return the sum, at each vertex, of its faces' values, with shape ``(count, C)``."""
    flat = local.ravel()
    sums = [np.bincount(flat, np.repeat(column, 3), count) for column in values.T]
    return np.stack(sums, axis=1)


def _blurred(normal: Array, edges: csr_array) -> Array:
    for _ in range(_BLUR):
        normal = _unit(normal + edges @ normal)
    return normal


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
