"""The reader of normal clouds that are scored as if they were not learned from."""

from __future__ import annotations

from dataclasses import dataclass

from gmanet.cloud import Cloud
from gmanet.detectors.gmanet.reader import StructuredCloud, StructureReader

__all__ = ["HeldOutReader"]


@dataclass(frozen=True)
class HeldOutReader:
    """A function from a normal cloud, or a rescan with its name, to its structure.

    The cloud's own surface is left out of the comparison with the normal clouds; the networks have
    seen it.  Networks that leave out a third of the normal clouds each, and score these alone, give
    a limit that is too high to be of use: single networks score good parts that are unlike the
    others much higher than all networks in the mean do.

    Args:
        structure: GMANet's reader.
    """

    structure: StructureReader

    def __call__(self, cloud: Cloud) -> StructuredCloud:
        """Return the record to score."""
        return self.structure(cloud, cloud.name)
