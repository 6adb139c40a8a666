"""Parts whose good ones really differ: two each of rough, warped, engraved, threaded, one-sided.

They are named by ``data.category`` like the fifteen of Table II, whose table they do not enlarge.
"""

from __future__ import annotations

from gmanet.datasets.procedural import castings, engraving, one_sided, phases, plates
from gmanet.datasets.procedural.solids import Part

__all__ = ["VARYING"]

VARYING: dict[str, Part] = {
    "rough_casting": Part(castings.rough_casting, 0.0135, "grinding"),
    "rough_wheel": Part(castings.rough_wheel, 0.0120, "grinding"),
    "warped_ring": Part(plates.warped_ring, 0.0115, "grinding"),
    "warped_plate": Part(plates.warped_plate, 0.0115, "grinding"),
    "engraved_nut": Part(engraving.engraved_nut, 0.0130, "grinding"),
    "engraved_tag": Part(engraving.engraved_tag, 0.0125, "grinding"),
    "phase_stud": Part(phases.phase_stud, 0.0115, "turning"),
    "phase_spindle": Part(phases.phase_spindle, 0.0115, "turning"),
    "one_sided_cover": Part(one_sided.one_sided_cover, 0.0150, "turning"),
    "one_sided_block": Part(one_sided.one_sided_block, 0.0150, "grinding"),
}
"""The ten parts, in pairs of one way in which good ones differ."""
