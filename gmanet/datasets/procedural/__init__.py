"""The embedded data set: parametric parts with real threads, and defects of five kinds."""

from __future__ import annotations

from gmanet.datasets.procedural.dataset import PROFILES, Procedural, Profile, write
from gmanet.datasets.procedural.defects import DEFECTS
from gmanet.datasets.procedural.solids import CATEGORIES, Part

__all__ = ["CATEGORIES", "DEFECTS", "PROFILES", "Part", "Procedural", "Profile", "write"]
