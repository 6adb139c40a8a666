"""The fifteen parts of IEC3D-AD (Table II) as parametric solids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gmanet.datasets.procedural import bolts, butterfly, nuts, rings, studs
from gmanet.datasets.procedural.mesh import Mesh

__all__ = ["CATEGORIES", "Part"]


@dataclass(frozen=True)
class Part:
    """What is known of a category.

    Args:
        build: Makes one instance, with manufacturing errors drawn from the generator.
        ratio: Average share of abnormal points in a defective cloud (Table II).
        finish: Machining marks: ``turning`` or ``grinding``.
    """

    build: Callable[[np.random.Generator], Mesh]
    ratio: float
    finish: str


CATEGORIES: dict[str, Part] = {
    "fender_ring": Part(rings.fender_ring, 0.0118, "grinding"),
    "washer": Part(rings.washer, 0.0096, "grinding"),
    "butterfly_nut": Part(butterfly.butterfly_nut, 0.0159, "turning"),
    "butterfly_bolt": Part(butterfly.butterfly_bolt, 0.0133, "turning"),
    "jointing_stud": Part(studs.jointing_stud, 0.0122, "turning"),
    "slipknot_bolt": Part(bolts.slipknot_bolt, 0.0176, "grinding"),
    "k_nut": Part(nuts.k_nut, 0.0134, "turning"),
    "hole_retaining_ring": Part(rings.hole_retaining_ring, 0.0228, "grinding"),
    "hexagonal_nut": Part(nuts.hexagonal_nut, 0.0148, "grinding"),
    "hexagonal_bolt": Part(bolts.hexagonal_bolt, 0.0118, "turning"),
    "pulling_nut": Part(nuts.pulling_nut, 0.0224, "turning"),
    "double_end_stud": Part(studs.double_end_stud, 0.0078, "turning"),
    "square_welded_nut": Part(nuts.square_welded_nut, 0.0127, "grinding"),
    "t_screw": Part(bolts.t_screw, 0.0103, "grinding"),
    "round_nut": Part(nuts.round_nut, 0.0102, "turning"),
}
"""The fifteen categories, in the order of Table II."""
