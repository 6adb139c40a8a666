"""The reader of normal clouds that are scored as if they were not learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gmanet.cloud import Cloud
from gmanet.detectors.gmanet.cross_fitting import LEARNED
from gmanet.detectors.gmanet.reader import StructuredCloud, StructureReader

__all__ = ["HeldOutReader"]


@dataclass(frozen=True)
class HeldOutReader:
    """A function from a normal cloud, or a rescan with its name, to its structure.

    The cloud's own surface is left out of the comparison with the normal clouds, and the record
    names the only member that scores the cloud: the member that did not learn from it.

    Args:
        structure: GMANet's reader.
        left_out_by: Name of each normal cloud -> number of the member that left it out
            (:mod:`gmanet.detectors.gmanet.cross_fitting`); empty without members.
    """

    structure: StructureReader
    left_out_by: Mapping[str, int] = field(default_factory=dict)

    def __call__(self, cloud: Cloud) -> StructuredCloud:
        """Return the record to score."""
        record = self.structure(cloud, cloud.name)
        record.member = self.left_out_by.get(cloud.name, LEARNED)
        return record
