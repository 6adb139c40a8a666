r"""Deformations: smooth displacements of a surface's points that imitate defects.

Algorithm 1 adds or removes points, which changes the density and, if points are removed, leaves
none to label.  Here all points remain and some move: a height field over the tangent plane of a
seed point, with distances measured along the surface, so that the far side of a thin part does not
move.  Lengths are in diameters of the part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gmanet.cloud import Floats, Indices, Labels
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.search.grid import grid_nearest

__all__ = ["FAMILIES", "LABEL_SHARE", "Patch", "Surface", "deform", "patch", "relabel"]

LABEL_SHARE = 0.2
"""Share of the largest displacement above which a displaced point is labeled abnormal."""


class Surface:
    """Points of a cloud with normals and a neighbor graph, made once per twin.

    Args:
        pos: Coordinates in diameters of the part, with shape ``(N, 3)``.
        normal: Unit normals, of either sign, with shape ``(N, 3)``; None to estimate them.
    """

    def __init__(self, pos: Floats, normal: Floats | None = None) -> None:
        distance, index = grid_nearest(pos, pos, count=12)
        self.pos = pos
        self.normal = (
            principal_axes(pos, pos, neighbors=index)[1][:, :, 0] if normal is None else normal
        )
        rows = np.repeat(np.arange(len(pos)), 8)
        length = distance[:, 1:9].ravel().astype(np.float64) + 1e-9
        graph = csr_array((length, (rows, index[:, 1:9].ravel())), shape=(len(pos), len(pos)))
        self.graph = graph.maximum(graph.T)


@dataclass(kw_only=True)
class Patch:
    """The surroundings of a seed point.

    Args:
        index: Points of the patch, with shape ``(m,)``.
        plane: Coordinates in the seed's tangent plane, stretched to geodesic length, ``(m, 2)``.
        height: Coordinate along the seed's normal, with shape ``(m,)``.
        axis: Normal of the seed, of random sign, with shape ``(3,)``.
        normal: Normals of the patch, oriented to the side of ``axis``, with shape ``(m, 3)``.
    """

    index: Indices
    plane: Floats
    height: Floats
    axis: Floats
    normal: Floats


def patch(surface: Surface, seed: int, *, radius: float, rng: np.random.Generator) -> Patch:
    """Return the points within a geodesic radius of a seed, in a randomly rotated tangent frame.

    Args:
        surface: The cloud.
        seed: Index of the seed point.
        radius: Geodesic radius, in diameters of the part.
        rng: Random generator.
    """
    # the graph is symmetric already; an undirected search would make it so at every call
    geodesic = dijkstra(surface.graph, indices=np.array(seed), limit=radius)
    index = np.flatnonzero(np.isfinite(geodesic))
    axis = surface.normal[seed] * rng.choice([-1.0, 1.0])
    first = np.cross(axis, rng.normal(size=3))
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    offset = surface.pos[index] - surface.pos[seed]
    plane = np.stack([offset @ first, offset @ second], axis=1)
    stretch = geodesic[index] / np.maximum(np.linalg.norm(plane, axis=1), 1e-9)
    normal = surface.normal[index]
    normal = normal * np.where(normal @ axis < 0, -1.0, 1.0)[:, None]
    return Patch(
        index=index,
        plane=(plane * np.minimum(stretch, 3.0)[:, None]).astype(np.float32),
        height=(offset @ axis).astype(np.float32),
        axis=axis.astype(np.float32),
        normal=normal.astype(np.float32),
    )


def _log_uniform(rng: np.random.Generator, low: float, *, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _cap(squared: Floats, power: float) -> Floats:
    """Return ``(1 - squared) ^ power`` inside the unit circle and 0 outside."""
    return np.asarray(np.clip(1.0 - squared, 0.0, 1.0) ** power, dtype=np.float32)


def _along_normals(where: Patch, height: Floats, *, rng: np.random.Generator) -> Floats:
    """Return displacements of the given height, along each normal or all along the seed's."""
    if rng.random() < 0.6:
        return height[:, None] * where.normal
    return height[:, None] * where.axis


def _bump(where: Patch, radius: float, depth: float, rng: np.random.Generator) -> Floats:
    """Return a bulge or a dent: an elliptic cap, from pointed to flat-topped."""
    stretch = _log_uniform(rng, 1.0, high=2.0)
    squared = np.sum((where.plane / [radius, radius / stretch]) ** 2, axis=1)
    cap = _cap(squared, rng.uniform(1.0, 3.0))
    if rng.random() < 0.3:
        cap = np.minimum(cap * 2.0, 1.0)
    return _along_normals(where, (depth * cap).astype(np.float32), rng=rng)


def _groove(where: Patch, radius: float, depth: float, rng: np.random.Generator) -> Floats:
    """Return a scratch or a ridge: a narrow, slightly curved track, often with raised banks."""
    width = _log_uniform(rng, 0.06, high=0.25) * radius
    along, across = where.plane.T
    across = across - rng.normal(0, 0.4 / radius) * along**2
    track = np.exp(-0.5 * (across / width) ** 2)
    if rng.random() < 0.5:
        track = track - rng.uniform(0.2, 0.6) * np.exp(
            -0.5 * ((np.abs(across) - 2.2 * width) / (0.8 * width)) ** 2
        )
    return _along_normals(where, depth * track * _cap((along / radius) ** 2, 0.5), rng=rng)


def _waves(plane: Floats, wavelength: float, *, rng: np.random.Generator) -> Floats:
    """Return a random height field of unit standard deviation: a sum of plane waves."""
    angle = rng.uniform(0, 2 * np.pi, 8)
    number = 2 * np.pi / (wavelength * rng.uniform(0.7, 1.8, 8))
    direction = np.stack([np.cos(angle), np.sin(angle)]) * number
    phase = rng.uniform(0, 2 * np.pi, 8)
    return np.asarray(np.cos(plane @ direction + phase).sum(axis=1) / 2.0, dtype=np.float32)


def _scar(where: Patch, radius: float, depth: float, rng: np.random.Generator) -> Floats:
    """Return torn material: rough relief over an elongated patch."""
    squared = np.sum((where.plane / [radius, radius * rng.uniform(0.3, 0.8)]) ** 2, axis=1)
    relief = _waves(where.plane, _log_uniform(rng, 0.2, high=0.7) * radius, rng=rng)
    height = depth * _cap(squared, 0.5) * (0.6 * relief + rng.uniform(-0.6, 0.3))
    return _along_normals(where, height.astype(np.float32), rng=rng)


def _flatten(where: Patch, radius: float, depth: float, rng: np.random.Generator) -> Floats:
    """Return a ground-off area: points above a slightly tilted plane are moved down to it."""
    tilt = where.plane @ rng.normal(0, 0.15, 2)
    squared = np.sum((where.plane / radius) ** 2, axis=1)
    top = np.quantile(where.height, 0.9) - depth
    cut = np.minimum(top + tilt - where.height, 0.0)
    cut = np.maximum(cut, -3.0 * depth) * np.minimum(2.0 * _cap(squared, 1.0), 1.0)
    return np.asarray(cut[:, None] * where.axis, dtype=np.float32)


def _bend(where: Patch, radius: float, depth: float, rng: np.random.Generator) -> Floats:
    """Return a bend: a broad displacement in one direction, tilted from the normal."""
    direction = where.axis + rng.normal(0, 0.5, 3)
    direction /= np.linalg.norm(direction)
    squared = np.sum((where.plane / radius) ** 2, axis=1)
    return np.asarray(depth * _cap(squared, 2.0)[:, None] * direction, dtype=np.float32)


def _shift(where: Patch, radius: float, depth: float, rng: np.random.Generator) -> Floats:
    """Return a shift: one half of a patch is displaced against the other half."""
    squared = np.sum((where.plane / radius) ** 2, axis=1)
    steep = np.tanh(where.plane[:, 0] / (rng.uniform(0.1, 0.4) * radius))
    height = 0.5 * depth * (1 + steep) * _cap(squared, 1.0)
    return _along_normals(where, height.astype(np.float32), rng=rng)


FAMILIES: dict[str, Callable[[Patch, float, float, np.random.Generator], Floats]] = {
    "bump": _bump,
    "groove": _groove,
    "scar": _scar,
    "flatten": _flatten,
    "bend": _bend,
    "shift": _shift,
}
"""Family -> function from a patch, a radius and a depth to displacements with shape ``(m, 3)``."""


def deform(
    surface: Surface, seed: int, family: str, radius: float, depth: float, rng: np.random.Generator
) -> tuple[Indices, npt.NDArray[np.float32], Labels]:
    """Return indices ``(m,)``, displacements ``(m, 3)`` and labels ``(m,)`` of a defect's points.

    Args:
        surface: The cloud, in diameters of the part.
        seed: Index of the point at the center of the defect.
        family: Key of :data:`FAMILIES`.
        radius: Geodesic radius of the defect, in diameters of the part.
        depth: Largest displacement, in diameters of the part.
        rng: Random generator.
    """
    where = patch(surface, seed, radius=1.2 * radius, rng=rng)
    moved = FAMILIES[family](where, radius, depth, rng)
    length = np.linalg.norm(moved, axis=1)
    return where.index, moved.astype(np.float32), length > LABEL_SHARE * max(depth, length.max())


def relabel(
    shift: Floats, label: Labels, *, free: Labels, depth: float, shallowest: float
) -> Labels:
    """Return the labels of a defect of which only the free points are displaced, ``(m,)``.

    Points are labeled above a threshold, a share of the largest displacement.  If the point of the
    largest displacement is not free, the threshold falls in proportion to the largest displacement
    of free points, but not below the threshold of the shallowest defect.  If it is free, the labels
    of free points remain.

    Args:
        shift: Displacements of the whole defect, with shape ``(m, 3)``.
        label: Mask of the abnormal points of the whole defect, with shape ``(m,)``.
        free: Mask of the points that are displaced, with shape ``(m,)``.
        depth: Depth of the defect, in the unit of ``shift``.
        shallowest: Depth of the shallowest defect, in the unit of ``shift``.
    """
    length = np.linalg.norm(shift, axis=1)
    peak = float(length.max())
    left = float(length[free].max(initial=0.0))
    if left >= peak:
        return label & free
    whole = LABEL_SHARE * max(depth, peak)
    limit = max(whole * left / peak, min(whole, LABEL_SHARE * shallowest))
    return np.asarray(free & (label | (length > limit)))
