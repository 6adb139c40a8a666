"""Raw coordinates instead of descriptors as the inputs of GMANet's networks: a control experiment.

Centers and neighbors are those of :mod:`gmanet.detectors.gmanet.descriptors`; the inputs are
coordinates in the canonical pose and offsets from the center.  Their unit is the extent of the
target, or the diameter of the cloud where there is no target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from gmanet.cloud import Cloud, Floats, Indices
from gmanet.detectors.gmanet.descriptors import neighborhoods
from gmanet.detectors.gmanet.reader import StructuredCloud, StructureReader
from gmanet.detectors.gmanet.structures import Query, Structure
from gmanet.registration.canonical import Canonicalizer

__all__ = ["COORDINATES", "RawReader", "RawStructure"]

COORDINATES = 3
"""Channels of a point's descriptor and of a center's context."""


class RawStructure(Structure):
    """A structure of coordinates, which stay in single precision: half would be too coarse."""

    def compact(self) -> Structure:
        """Return the arrays that training reads, in single precision; the others become empty."""
        whole = {name: getattr(self, name) for name in ("descriptor", "local", "context")}
        return replace(super().compact(), **whole)


@dataclass(frozen=True, kw_only=True)
class RawReader(StructureReader):
    """A function from a cloud to neighborhoods of raw coordinates.

    Args:
        pose: Rigid motion of a cloud into its canonical pose.
    """

    pose: Canonicalizer = Canonicalizer()  # noqa: RUF009 - it is frozen

    def describe(self, cloud: Cloud, origin: str = "") -> Structure:
        """Return the structure for training; ``origin`` is unused."""
        return self._read(cloud, origin, centers=self.centers)[0]

    def _read(
        self, cloud: Cloud, origin: str, *, centers: int, few: bool = False
    ) -> tuple[Structure, None]:
        structure = self._describe(cloud, centers=centers, workers=1)
        target = self.pose.target
        length = cloud.diameter if target is None else target.length
        points = self.pose(cloud.pos)[structure.chosen] / np.float32(length)
        points = points.astype(np.float32)
        center = points[: len(structure.context)]
        local = _offsets(points, center, groups=structure.groups)
        raw = {"descriptor": points, "local": local, "context": center}
        return RawStructure(**vars(structure) | raw), None

    def _query(self, record: StructuredCloud, structure: Structure, *, index: Indices) -> Query:
        points, workers = structure.points, torch.get_num_threads()
        neighbors, groups = neighborhoods(points, points[index], scale=self.scale, workers=workers)
        raw = structure.descriptor
        return Query(
            groups=groups,
            local=_offsets(raw, raw[index], groups=groups),
            context=raw[index],
            coarse_neighbors=structure.coarse_neighbors[:0],
            neighbors=neighbors,
        )


def _offsets(points: Floats, center: Floats, *, groups: Indices) -> Floats:
    """Return the neighbors' offsets from their centers, scaled and unscaled, ``(Q, K, 6)``."""
    offset = points[groups] - center[:, None]
    reach = np.linalg.norm(offset, axis=2, keepdims=True)
    return np.concatenate([offset / np.median(reach, axis=1, keepdims=True), offset], axis=2)
