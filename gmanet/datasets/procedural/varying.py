"""Parts whose good ones really differ: two each of rough, warped, engraved, threaded, one-sided.

They are named by ``data.category`` like the fifteen of Table II, whose table they do not enlarge.
"""

from __future__ import annotations

from gmanet.datasets.procedural import castings, engraving, one_sided, phases, plates
from gmanet.datasets.procedural.solids import Part

__all__ = ["VARYING"]

VARYING: dict[str, Part] = {
    "rough_casting": Part(build=castings.rough_casting, ratio=0.0135, finish="grinding"),
    "rough_wheel": Part(build=castings.rough_wheel, ratio=0.0120, finish="grinding"),
    "warped_ring": Part(build=plates.warped_ring, ratio=0.0115, finish="grinding"),
    "warped_plate": Part(build=plates.warped_plate, ratio=0.0115, finish="grinding"),
    "engraved_nut": Part(build=engraving.engraved_nut, ratio=0.0130, finish="grinding"),
    "engraved_tag": Part(build=engraving.engraved_tag, ratio=0.0125, finish="grinding"),
    "phase_stud": Part(build=phases.phase_stud, ratio=0.0115, finish="turning"),
    "phase_spindle": Part(build=phases.phase_spindle, ratio=0.0115, finish="turning"),
    "one_sided_cover": Part(build=one_sided.one_sided_cover, ratio=0.0150, finish="turning"),
    "one_sided_block": Part(build=one_sided.one_sided_block, ratio=0.0150, finish="grinding"),
}
"""The ten parts, in pairs of one way in which good ones differ."""
