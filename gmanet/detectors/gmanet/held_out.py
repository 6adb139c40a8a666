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
    seen it, so that the scores may be too low (``docs/verdict.md``, with counts).

    Args:
        structure: GMANet's reader.
    """

    structure: StructureReader

    def __call__(self, cloud: Cloud) -> StructuredCloud:
        """Return the record to score."""
        return self.structure(cloud, cloud.name)
