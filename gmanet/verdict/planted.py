"""Defects of known depth on normal clouds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Cloud, Doubles
from gmanet.synthesis.deform import Surface, deform

__all__ = ["Planted", "plant"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Planted:
    """A normal cloud with one defect.

    Args:
        cloud: The defective cloud.
        depth: Largest displacement of a point, in the unit of the cloud.
        shape: Displacements of the defect's points along their normals, in depths, ``(m,)``.
    """

    cloud: Cloud
    depth: float
    shape: Doubles


def plant(
    cloud: Cloud,
    surface: Surface,
    *,
    family: str,
    radius: float,
    depth: float,
    rng: np.random.Generator,
) -> Planted:
    """Return a cloud with one defect at a random point.

    Args:
        cloud: A normal cloud.
        surface: Its surface, in diameters.
        family: Key of ``synthesis.deform.FAMILIES``.
        radius: Geodesic radius of the defect, in diameters of the part.
        depth: Nominal depth, in diameters of the part; the defect's own differs a little.
        rng: Draws place and shape.
    """
    diameter = cloud.diameter
    seed = int(rng.integers(len(cloud)))
    index, moved, abnormal = deform(surface, seed, family, radius, depth, rng)
    along = np.abs(np.einsum("nc,nc->n", moved, surface.normal[index])).astype(np.float64)
    peak = float(np.linalg.norm(moved, axis=1).max())
    pos, label = cloud.pos.copy(), np.zeros(len(cloud), dtype=np.bool_)
    pos[index] += (moved * diameter).astype(np.float32)
    label[index] = abnormal
    made = cloud.replace(pos=pos, label=label, normal=None, defect=family)
    return Planted(cloud=made, depth=peak * diameter, shape=along / max(peak, 1e-300))
