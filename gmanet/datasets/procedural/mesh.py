"""Triangle meshes: grids of triangles, and fusing two solids along the curve where they meet.

A mesh is closed and faces outward: seen from outside, the corners of a triangle run
counterclockwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from gmanet.cloud import frame_diagonal

__all__ = ["Array", "Field", "Index", "Mesh", "clip", "cut", "fuse", "grid", "join"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Field = Callable[[Array], Array]
"""Signed distance-like function of places ``(V, 3)``: negative inside a solid, zero on it."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A surface made of triangles.

    Args:
        vertices: Corners in millimeters, with shape ``(V, 3)``.
        faces: Corner indices of each triangle, with shape ``(F, 3)``.
    """

    vertices: Array
    faces: Index

    def crosses(self) -> Array:
        """Return outward normals as long as twice the triangle's area, with shape ``(F, 3)``."""
        x, y, z = (np.ascontiguousarray(axis)[self.faces] for axis in self.vertices.T)
        ux, uy, uz = (axis[:, 1] - axis[:, 0] for axis in (x, y, z))
        vx, vy, vz = (axis[:, 2] - axis[:, 0] for axis in (x, y, z))
        return np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx], axis=1)

    @property
    def diagonal(self) -> float:
        """Diagonal of the box along the axes in which the part was drawn, in millimeters."""
        return frame_diagonal(self.vertices)

    def moved(self, vertices: Array) -> Mesh:
        """Return the mesh with other places for its vertices."""
        return Mesh(vertices, self.faces)


@lru_cache(maxsize=32)
def _grid_faces(rows: int, columns: int, *, wrap_rows: bool, wrap_columns: bool) -> Index:
    """Return the triangles of a grid, with shape ``(F, 3)``, facing along column × row."""
    index = np.arange(rows * columns).reshape(rows, columns)
    if wrap_rows:
        index = np.concatenate([index, index[:1]])
    if wrap_columns:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, 1:].ravel(), index[1:, :-1].ravel()
    faces = np.stack([a, b, d, b, c, d], axis=1).reshape(-1, 3)
    faces.setflags(write=False)  # shared between meshes
    return faces


def grid(points: Array, wrap_rows: bool = False, *, wrap_columns: bool = False) -> Mesh:
    """Return the surface through a grid of places, facing along column × row direction.

    Args:
        points: Places with shape ``(rows, columns, 3)``.
        wrap_rows: Whether the last row meets the first.
        wrap_columns: Whether the last column meets the first.
    """
    rows, columns = points.shape[:2]
    return Mesh(
        points.reshape(-1, 3),
        _grid_faces(rows, columns, wrap_rows=wrap_rows, wrap_columns=wrap_columns),
    )


def cut(mesh: Mesh, value: Array) -> tuple[Mesh, Index]:
    """Return the part of a mesh where ``value`` is positive, and the indices of its new border.

    Triangles across the zero line are cut along it (linear interpolation on their edges).

    Args:
        mesh: The surface to cut.
        value: One number per vertex, with shape ``(V,)``.
    """
    keep = value > 0
    corners = keep[mesh.faces]
    count = corners.sum(axis=1)
    whole = mesh.faces[count == 3]
    # Turn each crossing triangle so that its odd corner comes first; the order round it stays.
    one = _turned(mesh.faces[count == 1], corners[count == 1])
    two = _turned(mesh.faces[count == 2], ~corners[count == 2])
    edges = np.concatenate([one[:, [0, 1]], one[:, [0, 2]], two[:, [0, 1]], two[:, [0, 2]]])
    keys, border = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    first, second = keys.reshape(-1, 2).T
    part = (value[first] / (value[first] - value[second]))[:, None]
    made = mesh.vertices[first] * (1 - part) + mesh.vertices[second] * part
    size = len(mesh.vertices)
    p, q, r, s = np.split(border.ravel() + size, np.cumsum([len(one), len(one), len(two)]))
    parts = [whole, _columns(one[:, 0], p, c=q), _columns(r, two[:, 1], c=two[:, 2])]
    faces = np.concatenate([*parts, _columns(r, two[:, 2], c=s)])
    return _compact(np.concatenate([mesh.vertices, made]), faces, border=size)


def _turned(faces: Index, odd: npt.NDArray[np.bool_]) -> Index:
    order = (odd.argmax(axis=1)[:, None] + np.arange(3)) % 3 if len(faces) else faces
    return np.take_along_axis(faces, order, axis=1)


def _columns(a: Index, b: Index, *, c: Index) -> Index:
    return np.stack([a, b, c], axis=1)


def _compact(vertices: Array, faces: Index, *, border: int) -> tuple[Mesh, Index]:
    """Return the mesh without unused vertices, and where vertices from ``border`` on went."""
    used = np.zeros(len(vertices), dtype=bool)
    used[faces] = True
    place = np.cumsum(used) - 1
    return Mesh(vertices[used], place[faces]), place[border:][used[border:]]


def join(first: Mesh, border: Index, second: Mesh, other: Index) -> Mesh:
    """Return two open meshes as one, the border vertices of the second merged into the first's.

    Args:
        first: One surface.
        border: Indices of its border, with shape ``(P,)``.
        second: The other surface.
        other: Indices of its border, with shape ``(Q,)``; each goes to the nearest of ``border``.
    """
    size = len(first.vertices)
    place = np.arange(len(second.vertices)) + size
    place[other] = border[cKDTree(first.vertices[border]).query(second.vertices[other])[1]]
    faces = np.concatenate([first.faces, place[second.faces]])
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    return _compact(np.concatenate([first.vertices, second.vertices]), faces, border=size)[0]


def clip(mesh: Mesh, solid: Field) -> tuple[Mesh, Index]:
    """Return the part of a mesh that lies outside a solid, and the indices of its new border."""
    return cut(mesh, solid(mesh.vertices))


def fuse(first: Mesh, inside_first: Field, *, second: Mesh, inside_second: Field) -> Mesh:
    """Return the outer surface of two solids that overlap, nothing of it inside either."""
    return join(*clip(first, inside_second), *clip(second, inside_first))
