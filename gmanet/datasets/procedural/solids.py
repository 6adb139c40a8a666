"""The fifteen parts of IEC3D-AD (Table II) as parametric solids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gmanet.datasets.procedural import bolts, butterfly, nuts, rings, studs
from gmanet.datasets.procedural.mesh import Mesh

__all__ = ["CATEGORIES", "Part"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Description of a category.

    Args:
        build: Function of a generator that returns a part with random manufacturing errors.
        ratio: Average share of abnormal points in a defective cloud (Table II).
        finish: Machining marks: ``turning`` or ``grinding``.
    """

    build: Callable[[np.random.Generator], Mesh]
    ratio: float
    finish: str


CATEGORIES: dict[str, Part] = {
    "fender_ring": Part(build=rings.fender_ring, ratio=0.0118, finish="grinding"),
    "washer": Part(build=rings.washer, ratio=0.0096, finish="grinding"),
    "butterfly_nut": Part(build=butterfly.butterfly_nut, ratio=0.0159, finish="turning"),
    "butterfly_bolt": Part(build=butterfly.butterfly_bolt, ratio=0.0133, finish="turning"),
    "jointing_stud": Part(build=studs.jointing_stud, ratio=0.0122, finish="turning"),
    "slipknot_bolt": Part(build=bolts.slipknot_bolt, ratio=0.0176, finish="grinding"),
    "k_nut": Part(build=nuts.k_nut, ratio=0.0134, finish="turning"),
    "hole_retaining_ring": Part(build=rings.hole_retaining_ring, ratio=0.0228, finish="grinding"),
    "hexagonal_nut": Part(build=nuts.hexagonal_nut, ratio=0.0148, finish="grinding"),
    "hexagonal_bolt": Part(build=bolts.hexagonal_bolt, ratio=0.0118, finish="turning"),
    "pulling_nut": Part(build=nuts.pulling_nut, ratio=0.0224, finish="turning"),
    "double_end_stud": Part(build=studs.double_end_stud, ratio=0.0078, finish="turning"),
    "square_welded_nut": Part(build=nuts.square_welded_nut, ratio=0.0127, finish="grinding"),
    "t_screw": Part(build=bolts.t_screw, ratio=0.0103, finish="grinding"),
    "round_nut": Part(build=nuts.round_nut, ratio=0.0102, finish="turning"),
}
"""The fifteen categories, in the order of Table II."""
