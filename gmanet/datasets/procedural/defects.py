"""Five machining defects as smooth displacements of a part's surface.

Every defect has a depth (0.5 to 2 % of the part's diagonal) and a footprint whose share of the
surface follows Table II.  The shape of a defect is a vector of length 0 to 1 at every vertex; a
vertex moves by the shape times the depth.  A position is labeled abnormal if it moves by more than
``FLOOR`` times the depth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gmanet.datasets.procedural.footprints import (
    BALL,
    Shape,
    bump,
    deformation,
    dent,
    scar,
    scratch,
)
from gmanet.datasets.procedural.mesh import Array, Mesh
from gmanet.datasets.procedural.region import Region, around, pick

__all__ = ["DEFECTS", "FLOOR", "deform"]

DEFECTS = ("convex", "concave", "scratch", "scar", "deformation")
"""The defect kinds of IEC3D-AD (Section III-A)."""
FLOOR = 0.15
"""Smallest displacement of abnormal positions, in depths of the defect."""
_DEPTH = (0.005, 0.02)
"""Smallest and largest depth, in diagonals of the part."""
_STEEPEST = 0.6
"""Largest depth, in radii of the footprint; for a scratch, in half widths of a groove."""
_THINNEST = 0.22
"""Largest depth, in thicknesses of the wall or widths of the gap at the seed."""


def deform(
    mesh: Mesh, crosses: Array, *, kind: str, share: float, rng: np.random.Generator
) -> tuple[Array, float]:
    """Return each vertex's displacement, with shape ``(V, 3)``, and the depth, in millimeters.

    Args:
        mesh: The part.
        crosses: Cross products of the part (:meth:`Mesh.crosses`), with shape ``(F, 3)``.
        kind: One of ``DEFECTS``.
        share: Target for the labeled share of the surface.
        rng: Generator of position, size and shape.
    """
    areas = np.linalg.norm(crosses, axis=1) / 2
    diagonal = mesh.diagonal
    target = share * float(areas.sum())
    depth = diagonal * rng.uniform(*_DEPTH) * (0.6 if kind == "scar" else 1.0)
    face = pick(areas, rng)
    if kind == "scratch":
        length = min(diagonal * rng.uniform(0.35, 0.8), target / (0.032 * diagonal))
        region = around(mesh, crosses, face=face, radius=0.6 * length)
        shape = scratch(region, length, breadth=target / length / diagonal, rng=rng)
    else:
        region = around(mesh, crosses, face=face, radius=BALL * float(np.sqrt(target / np.pi)))
        shape = _SHAPES[kind](region, rng)
    moved, size = _sized(shape, region, target=target)
    # Steeper flanks would fold the surface; thin sheet allows only shallow defects.
    deepest = min(_STEEPEST * size, _THINNEST * _clearance(region, size))
    displacement = np.zeros_like(mesh.vertices)
    depth = max(min(depth, deepest), _DEPTH[0] * diagonal)
    displacement[region.vertex] = depth * moved
    return displacement, depth


def _sized(shape: Shape, region: Region, *, target: float) -> tuple[Array, float]:
    """Return displacements whose labeled area is ``target``, and the size of the footprint.

    The size, in millimeters, is found by bisection.  The displacements, with shape ``(P, 3)``, are
    normalized to a largest length of 1.
    """
    low, high = 1e-3, BALL * float(np.sqrt(target / np.pi))
    fade = region.fade[:, None]
    for _ in range(14):
        size = np.sqrt(low * high)
        length = np.linalg.norm(shape(size) * fade, axis=1)
        covered = region.area[length > FLOOR * max(length.max(), 1e-9)].sum()
        low, high = (size, high) if covered < target else (low, size)
    moved = shape(high) * fade
    return np.asarray(moved / np.linalg.norm(moved, axis=1).max()), float(high)


def _clearance(region: Region, size: float) -> float:
    """Return the distance along the seed's normal to surface with an opposite normal."""
    height = region.place @ region.up
    aside = np.linalg.norm(region.place - height[:, None] * region.up, axis=1)
    other = (region.normal @ region.up < -0.6) & (aside < size)
    return float(np.quantile(np.abs(height[other]), 0.05)) if other.any() else float("inf")


_SHAPES: dict[str, Callable[[Region, np.random.Generator], Shape]] = {
    "convex": bump,
    "concave": dent,
    "scar": scar,
    "deformation": deformation,
}
