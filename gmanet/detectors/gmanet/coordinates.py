"""Raw coordinates in the place of descriptors: what GMANet's networks make of them (a control).

Neighbors and centers are those of :mod:`gmanet.detectors.gmanet.descriptors`; what is read at them
are coordinates in the pose in which a cloud was laid, and offsets from the center; both are in
extents of the target, or in the cloud's own diameters where there is no target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from gmanet.cloud import Cloud, Floats, Indices
from gmanet.detectors.gmanet.descriptors import Look, Structure, structure, surroundings
from gmanet.detectors.gmanet.reader import StructuredCloud, StructureReader
from gmanet.registration.canonical import Pose

__all__ = ["COORDINATES", "RawReader", "RawStructure"]

COORDINATES = 3
"""Channels of a point's descriptor and of a center's context."""


class RawStructure(Structure):
    """A structure of coordinates, which half precision would blur."""

    def thinned(self) -> Structure:
        """Return what training reads: no propagation."""
        whole = {name: getattr(self, name) for name in ("descriptor", "local", "context")}
        return replace(super().thinned(), **whole)


@dataclass(frozen=True)
class RawReader(StructureReader):
    """Turn a cloud into neighborhoods of raw coordinates.

    Args:
        pose: How a cloud is laid before.
    """

    pose: Pose = Pose()  # noqa: RUF009 - it never changes

    def structure(self, cloud: Cloud, origin: str = "") -> Structure:
        """Return the structure alone; ``origin`` does not matter here."""
        return self._read(cloud, origin, self.centers)[0]

    def _read(self, cloud: Cloud, origin: str, centers: int) -> tuple[Structure, None]:
        made = structure(cloud.pos, self.points, centers)
        target = self.pose.target
        length = cloud.diameter if target is None else target.length
        place = (self.pose(cloud.pos)[made.chosen] / np.float32(length)).astype(np.float32)
        center = place[: len(made.context)]
        local = _offsets(place, center, made.groups)
        raw = {"descriptor": place, "local": local, "context": center}
        return RawStructure(**vars(made) | raw), None

    def _look(self, record: StructuredCloud, made: Structure, index: Indices) -> Look:
        beside, groups = surroundings(made.points, made.points[index], torch.get_num_threads())
        place = made.descriptor
        local = _offsets(place, place[index], groups)
        return Look(groups, local, place[index], made.even[:0], beside)


def _offsets(place: Floats, center: Floats, groups: Indices) -> Floats:
    """Return where neighbors lie beside their centers, with shape ``(Q, K, 6)``."""
    offset = place[groups] - center[:, None]
    reach = np.linalg.norm(offset, axis=2, keepdims=True)
    return np.concatenate([offset / np.median(reach, axis=1, keepdims=True), offset], axis=2)
