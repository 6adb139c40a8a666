"""The embedded data set: parametric parts with real threads, and defects of five kinds."""

from __future__ import annotations

from gmanet.data.procedural.dataset import PROFILES, Procedural, Profile, write
from gmanet.data.procedural.defects import DEFECTS
from gmanet.data.procedural.solids import CATEGORIES, Part

__all__ = ["CATEGORIES", "DEFECTS", "PROFILES", "Part", "Procedural", "Profile", "write"]
