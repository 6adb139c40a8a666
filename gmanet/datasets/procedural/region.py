"""Region around a seed on the surface: the part of a mesh that a defect may displace.

The region consists of the vertices in a ball.  Vertices on the seed's side of the part are found by
following edges, so that the opposite side of a thin plate is excluded.
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
"""Number of times that normals are averaged over neighbors: about 1.5 % of the part's diagonal."""
_OPPOSITE = -0.35
"""Largest cosine between the normals of the seed and of a vertex on another side of the part."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Region:
    """Vertices in a ball around a seed, a position on the surface.

    Args:
        vertex: Indices in the whole mesh, with shape ``(P,)``.
        place: Coordinates relative to the seed, in millimeters, with shape ``(P, 3)``.
        normal: Unit normals, averaged over the neighborhood, with shape ``(P, 3)``.
        area: Surface area of each vertex, in square millimeters, with shape ``(P,)``.
        same: Whether a vertex is on the seed's side of the part, with shape ``(P,)``.
        fade: Weight that decreases smoothly from 1 to 0 at the ball's border, with shape ``(P,)``.
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
    """Return the index of a random face, drawn with a probability proportional to the area."""
    total = np.cumsum(areas)
    return int(np.searchsorted(total, rng.random() * total[-1]))


def around(mesh: Mesh, crosses: Array, *, face: int, radius: float) -> Region:
    """Return the region around the middle of a face.

    Args:
        mesh: The part.
        crosses: Cross products of the part (:meth:`Mesh.crosses`), with shape ``(F, 3)``.
        face: Index of the face whose middle is the seed.
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
    """Return the sum of the adjacent faces' values at each vertex, with shape ``(count, C)``."""
    flat = local.ravel()
    sums = [np.bincount(flat, np.repeat(column, 3), count) for column in values.T]
    return np.stack(sums, axis=1)


def _blurred(normal: Array, edges: csr_array) -> Array:
    for _ in range(_BLUR):
        normal = _unit(normal + edges @ normal)
    return normal


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
