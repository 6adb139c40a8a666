"""A triangle mesh as the nominal shape of a part, with a ray caster.

Coordinates are kept in double precision, with the center of the part beside them, because the ray
caster (Open3D's ``RaycastingScene``) works in single precision: everything is centered first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gmanet.cloud import Doubles, Indices, Labels
from gmanet.geometry.open3d import load_open3d

__all__ = ["TriangleMesh"]

PROBES = 25
"""Number of triangles of each connected piece that decide which side is outside, an odd number."""

OFFSET = 1e-4
"""Distance of a ray's origin from the surface, in sizes of the mesh."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TriangleMesh:
    """A surface of triangles; seen from outside, their corners run counterclockwise if possible.

    Args:
        vertices: Corners in the unit of the file, with shape ``(V, 3)``.
        faces: Corner indices of each triangle, with shape ``(F, 3)``.
    """

    vertices: Doubles
    faces: Indices

    @classmethod
    def of(cls, vertices: Doubles, faces: Indices) -> TriangleMesh:
        """Return the mesh with equal corners merged, without flat triangles, facing outward.

        The triangles of an open mesh, which has no outside, stay as they are.

        Args:
            vertices: Corners, with shape ``(V, 3)``.
            faces: Corner indices of each triangle, with shape ``(F, 3)``.
        """
        distinct, place = np.unique(vertices, axis=0, return_inverse=True)
        merged = place.reshape(-1)[faces]
        a, b, c = merged.T
        merged = merged[(a != b) & (b != c) & (c != a)]
        mesh = cls(vertices=distinct, faces=merged)
        kept = np.linalg.norm(mesh.crosses, axis=1) > 0
        mesh = cls(vertices=distinct, faces=merged[kept])
        return _outward(mesh) if len(mesh.faces) and mesh.closed else mesh

    @cached_property
    def crosses(self) -> Doubles:
        """Normals as long as twice the area of each triangle, with shape ``(F, 3)``."""
        first, second, third = (self.vertices[self.faces[:, corner]] for corner in range(3))
        return np.asarray(np.cross(second - first, third - first))

    @cached_property
    def areas(self) -> Doubles:
        """Area of each triangle in squares of the unit, with shape ``(F,)``."""
        return np.asarray(np.linalg.norm(self.crosses, axis=1) / 2)

    @cached_property
    def center(self) -> Doubles:
        """Center of the box along the axes, with shape ``(3,)``."""
        used = self.vertices[np.unique(self.faces)]
        return np.asarray((used.min(axis=0) + used.max(axis=0)) / 2)

    @cached_property
    def size(self) -> float:
        """Diagonal of the box along the axes, in the unit of the file."""
        return float(np.linalg.norm(np.ptp(self.vertices[np.unique(self.faces)], axis=0)))

    @cached_property
    def closed(self) -> bool:
        """Whether an even number of triangles meets at every edge, so that there is an inside."""
        counts = np.unique(self._keys(np.sort(_edges(self.faces), axis=1)), return_counts=True)[1]
        return bool((counts % 2 == 0).all())

    @cached_property
    def oriented(self) -> bool:
        """Whether neighboring triangles face the same side: no directed edge occurs twice."""
        return len(np.unique(self._keys(_edges(self.faces)))) == 3 * len(self.faces)

    def _keys(self, edges: Indices) -> Indices:
        """Return a number for each edge ``(E, 2)``, with shape ``(E,)``; equal edges share it."""
        return np.asarray(edges[:, 0] * len(self.vertices) + edges[:, 1])

    @cached_property
    def scene(self) -> Any:
        """Open3D's ray caster of the centered mesh."""
        open3d = load_open3d()
        scene = open3d.t.geometry.RaycastingScene(nthreads=1)
        corners = open3d.core.Tensor((self.vertices - self.center).astype(np.float32))
        scene.add_triangles(corners, open3d.core.Tensor(self.faces.astype(np.uint32)))
        return scene

    def escapes(self, pos: Doubles, direction: Doubles) -> Labels:
        """Return whether a ray from each point leaves the part, with shape ``(N,)``.

        Args:
            pos: Points on the surface, with shape ``(N, 3)``.
            direction: Unit direction of each ray, with shape ``(N, 3)`` or ``(3,)``.
        """
        start = pos - self.center + OFFSET * self.size * direction
        rays = np.concatenate([start, np.broadcast_to(direction, start.shape)], axis=1)
        tensor = load_open3d().core.Tensor(rays.astype(np.float32))
        return np.asarray(~self.scene.test_occlusions(tensor, nthreads=1).numpy())

    def inside(self, pos: Doubles) -> Labels:
        """Return whether points lie inside a closed mesh, by the majority of rays, ``(N,)``.

        Args:
            pos: Points, with shape ``(N, 3)``.
        """
        tensor = load_open3d().core.Tensor((pos - self.center).astype(np.float32))
        found = self.scene.compute_occupancy(tensor, nthreads=1, nsamples=3)
        return np.asarray(found.numpy() > 0)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is copied to other processes: the ray caster is made anew."""
        return {name: value for name, value in vars(self).items() if name != "scene"}


def _edges(faces: Indices) -> Indices:
    """Return the directed edges of triangles, with shape ``(3 * F, 2)``."""
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def _outward(mesh: TriangleMesh) -> TriangleMesh:
    """Return a closed mesh with those connected pieces turned over that face inward."""
    edges = _edges(mesh.faces)
    joined = coo_matrix((np.ones(len(edges)), edges.T), shape=(len(mesh.vertices),) * 2)
    piece = connected_components(joined, directed=False)[1][mesh.faces[:, 0]]
    order = np.argsort(piece, kind="stable")
    first = np.searchsorted(piece[order], np.arange(piece.max() + 1))
    count = np.diff(np.append(first, len(order)))
    rows = first[:, None] + (np.linspace(0, 1, PROBES) * (count[:, None] - 1)).astype(np.int64)
    probed = order[rows]  # some triangles of each piece
    normal = mesh.crosses[probed] / (2 * mesh.areas[probed])[..., None]
    above = mesh.vertices[mesh.faces[probed]].mean(axis=2) + OFFSET * mesh.size * normal
    inward = mesh.inside(above.reshape(-1, 3)).reshape(rows.shape).mean(axis=1) > 0.5
    faces = np.where(inward[piece][:, None], mesh.faces[:, ::-1], mesh.faces)
    return TriangleMesh(vertices=mesh.vertices, faces=faces)
