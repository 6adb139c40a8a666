"""Triangle meshes: grids of triangles, and the union of two solids.

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
"""Function of positions ``(V, 3)``: negative inside a solid, zero on its surface, ``(V,)``."""


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
        """Return the mesh with new positions ``(V, 3)`` of the vertices."""
        return Mesh(vertices, self.faces)


@lru_cache(maxsize=32)
def _grid_faces(rows: int, columns: int, *, wrap_rows: bool, wrap_columns: bool) -> Index:
    """Return the triangles of a grid, with shape ``(F, 3)`` and normals along column × row."""
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
    """Return the surface through a grid of positions, with normals along column × row.

    Args:
        points: Positions with shape ``(rows, columns, 3)``.
        wrap_rows: Whether the last row is connected to the first.
        wrap_columns: Whether the last column is connected to the first.
    """
    rows, columns = points.shape[:2]
    return Mesh(
        points.reshape(-1, 3),
        _grid_faces(rows, columns, wrap_rows=wrap_rows, wrap_columns=wrap_columns),
    )


def cut(mesh: Mesh, value: Array) -> tuple[Mesh, Index]:
    """Return the part of a mesh where ``value`` is positive, and the indices of the new border.

    Triangles that contain the zero line are cut along this line, by linear interpolation on edges.

    Args:
        mesh: The surface to cut.
        value: Value at each vertex, with shape ``(V,)``.
    """
    keep = value > 0
    corners = keep[mesh.faces]
    count = corners.sum(axis=1)
    whole = mesh.faces[count == 3]
    # Rotate the corners of each cut triangle so that the odd corner is first; orientation stays.
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
    """Return the mesh without unused vertices, and new indices of the vertices from ``border``."""
    used = np.zeros(len(vertices), dtype=bool)
    used[faces] = True
    place = np.cumsum(used) - 1
    return Mesh(vertices[used], place[faces]), place[border:][used[border:]]


def join(first: Mesh, border: Index, second: Mesh, other: Index) -> Mesh:
    """Return the union of two open meshes, connected along their borders.

    Args:
        first: First surface.
        border: Indices of the border of ``first``, with shape ``(P,)``.
        second: Second surface.
        other: Indices of the border of ``second``, with shape ``(Q,)``; each of these vertices is
            merged into the nearest vertex of ``border``.
    """
    size = len(first.vertices)
    place = np.arange(len(second.vertices)) + size
    place[other] = border[cKDTree(first.vertices[border]).query(second.vertices[other])[1]]
    faces = np.concatenate([first.faces, place[second.faces]])
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    return _compact(np.concatenate([first.vertices, second.vertices]), faces, border=size)[0]


def clip(mesh: Mesh, solid: Field) -> tuple[Mesh, Index]:
    """Return the part of a mesh outside a solid, and the indices of the new border."""
    return cut(mesh, solid(mesh.vertices))


def fuse(first: Mesh, inside_first: Field, *, second: Mesh, inside_second: Field) -> Mesh:
    """Return the surface of the union of two overlapping solids.

    Args:
        first: Surface of the first solid.
        inside_first: Negative inside the first solid.
        second: Surface of the second solid.
        inside_second: Negative inside the second solid.
    """
    return join(*clip(first, inside_second), *clip(second, inside_first))
