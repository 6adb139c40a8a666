"""Raw coordinates in the place of descriptors: what GMANet's networks make of them (a control).

Neighbors and centers are those of :mod:`gmanet.geometry.structure`; what is read at them are
coordinates in the pose in which a cloud was laid, in diameters, and offsets from the center.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from gmanet.cloud import Cloud
from gmanet.data.poses import Pose
from gmanet.data.structured import StructureReader
from gmanet.geometry.structure import Structure, structure

__all__ = ["COORDINATES", "RawReader", "RawStructure"]

COORDINATES = 3
"""Channels of a point's descriptor and of a center's context."""


class RawStructure(Structure):
    """A structure of coordinates, which half precision would blur."""

    def thinned(self) -> Structure:
        """Return what training reads: no propagation."""
        return replace(self, near=self.near[:0], weight=self.weight[:0])


@dataclass(frozen=True)
class RawReader(StructureReader):
    """Turn a cloud into neighborhoods of raw coordinates.

    Args:
        pose: How a cloud is laid before.
    """

    pose: Pose = Pose()  # noqa: RUF009 - it never changes

    def structure(self, cloud: Cloud, origin: str = "") -> Structure:
        """Return the structure alone; ``origin`` does not matter here."""
        made = structure(cloud.pos, self.points, self.centers, self.smoothing)
        target = self.pose.target
        length = cloud.diameter if target is None else target.length
        place = (self.pose(cloud.pos)[made.chosen] / np.float32(length)).astype(np.float32)
        center = place[: len(made.context)]
        offset = place[made.groups] - center[:, None]
        reach = np.linalg.norm(offset, axis=2, keepdims=True)
        local = np.concatenate([offset / np.median(reach, axis=1, keepdims=True), offset], axis=2)
        kept = {field.name: getattr(made, field.name) for field in fields(made)}
        return RawStructure(**kept | {"descriptor": place, "local": local, "context": center})
