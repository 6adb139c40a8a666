"""Normal clouds that are scored as if they were not learned from."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from gmanet.cloud import Cloud
from gmanet.detectors.gmanet.reader import StructuredCloud, StructureReader

__all__ = ["HeldOutReader", "as_if_new"]

HIGHEST = 2.0
"""Highest score there is: the discrepancy of opposite features of unit length."""

LEARNED = 0.1
"""Share of the way to ``HIGHEST`` by which scores of normal clouds are raised.

The networks know the very clouds, so that these score lower than good parts that are new.  By how
much was counted on 30 new good scans of each of fifteen procedural parts, with one draw of 20
normal clouds: of .05, .1, .15 and .2 it is the least with which at most 15 % of the new scans of
any part lay above the limit of a promised 5 %.  ``docs/verdict.md`` has counts with other draws.
"""


def as_if_new(scores: Tensor, share: float = LEARNED) -> Tensor:
    """Return scores of normal clouds as if these had not been learned from, in any shape.

    Args:
        scores: Scores of points or objects; those above ``HIGHEST``, where a region of the part
            counts more, remain.
        share: Share of the way to ``HIGHEST`` by which they are raised.
    """
    return scores + share * (HIGHEST - scores).clamp(min=0)


@dataclass(frozen=True)
class HeldOutReader:
    """A function from a normal cloud, or a rescan with its name, to its structure.

    The cloud's own surface is left out of the comparison with the normal clouds; the networks have
    seen it (:func:`as_if_new`).

    Args:
        structure: The detector's reader.
    """

    structure: StructureReader

    def __call__(self, cloud: Cloud) -> StructuredCloud:
        """Return the record to score."""
        return self.structure(cloud, cloud.name)
