"""Readers of PointNet++: functions from a cloud to its hierarchy, with input features."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch

from gmanet.cloud import Cloud, Floats, Indices
from gmanet.detectors.gmanet.aligner import Aligner
from gmanet.detectors.gmanet.alignment import Atlas
from gmanet.detectors.gmanet.context_layout import PARTS
from gmanet.detectors.gmanet.descriptors import CONTEXT
from gmanet.detectors.gmanet.deviation import DEVIATION
from gmanet.detectors.gmanet.reader import StructureReader
from gmanet.detectors.gmanet.scale import Scale, StoredScale
from gmanet.detectors.gmanet_paper.config import CHANNELS, PaperConfig
from gmanet.geometry.neighbors import farthest_points
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.search.grid import grid_nearest
from gmanet.networks.pointnet2.hierarchy import Hierarchy, make_hierarchy
from gmanet.networks.pointnet2.layout import Layout
from gmanet.networks.pointnet2.neighbors import three_nearest
from gmanet.registration.canonical import Canonicalizer

__all__ = ["DescribingReader", "PaperReader", "channel_count", "make_reader"]


@dataclass(frozen=True, kw_only=True)
class PaperReader:
    """A function from a cloud to its hierarchy in coordinates of radius one.

    The origin of the coordinates is the centroid of the cloud, their unit the largest distance of a
    point from it; of registered clouds, the centroid and half the extent of the reference.

    Args:
        layout: Levels and radii.
        points: Largest number of points that the networks read.
        pose: Rigid motion of a cloud into its canonical pose.
    """

    layout: Layout
    points: int
    pose: Canonicalizer

    def normalized(self, cloud: Cloud) -> Floats:
        """Return the coordinates that the networks read, with shape ``(N, 3)``."""
        pos = self.pose(cloud.pos)
        if self.pose.target is not None:
            return np.asarray(pos / np.float32(self.pose.target.length / 2), dtype=np.float32)
        return np.asarray(pos / np.linalg.norm(pos, axis=1).max(), dtype=np.float32)

    def read(self, cloud: Cloud, origin: str = "") -> tuple[Hierarchy, Indices | slice]:
        """Return the record to score, and the indices of the points that the networks read.

        The record is the hierarchy of these points with their input features ``x``.  If the cloud
        has more points, ``near0 (N, 3)`` and ``weight0`` are the three points nearest to each
        point of the cloud, and their weights.

        Args:
            cloud: The cloud.
            origin: Name of the normal train cloud that is this cloud or the original of this twin.
        """
        pos = torch.from_numpy(self.normalized(cloud))
        chosen: Indices | slice = slice(None)
        if len(pos) > self.points:
            chosen = farthest_points(pos.numpy(), self.points)
        record = make_hierarchy(pos[chosen], self.layout)
        record.x = record.pos0
        if len(pos) > self.points:
            record.near0, record.weight0 = three_nearest(record.pos0, pos)
            record.num_nodes = len(pos)
        return record, chosen

    def __call__(self, cloud: Cloud, origin: str = "") -> Hierarchy:
        """Return the record to score; ``origin`` as in :meth:`read`."""
        return self.read(cloud, origin)[0]


@dataclass(frozen=True, kw_only=True)
class DescribingReader(PaperReader):
    """A reader with further input features: normals, and parts of the default detector's context.

    The points are those of the default detector's subsample.  Normals point away from the centroid.

    Args:
        channels: Input features after the coordinates, of ``CHANNELS``.
        scale: Sizes of neighborhoods.
        aligner: Alignment that measures the deviations; without it all deviations are zero.
    """

    scale: Scale
    channels: tuple[str, ...] = ()
    aligner: Aligner | None = None

    def read(self, cloud: Cloud, origin: str = "") -> tuple[Hierarchy, Indices | slice]:
        """Return the record to score, and the indices of the points that the networks read."""
        pos = self.normalized(cloud)
        reader = StructureReader(
            points=self.points,
            centers=self.points,
            coarse_queries=self.points,
            scale=self.scale,
            aligned=True,
            aligner=self.aligner,
        )
        structure = reader.describe(cloud, origin)
        chosen = structure.chosen
        read = np.ascontiguousarray(pos[chosen])
        parts = [read]
        if "normals" in self.channels:
            parts.append(_outward(read))
        parts += [
            structure.context[:, channel_range(name)]
            for name in CHANNELS
            if name in self.channels and name != "normals"
        ]
        record = make_hierarchy(torch.from_numpy(read), self.layout)
        record.x = torch.from_numpy(np.concatenate(parts, axis=1))
        record.near0 = torch.from_numpy(structure.near)
        record.weight0 = torch.from_numpy(structure.weight)
        record.num_nodes = len(cloud)
        return record, chosen


def make_reader(
    config: PaperConfig,
    layout: Layout,
    *,
    pose: Canonicalizer,
    sizes: StoredScale,
    atlas: Atlas | None,
) -> PaperReader:
    """Return the reader of a configuration; sizes and atlas are used where it has channels."""
    if not config.channels:
        return PaperReader(layout=layout, points=config.points, pose=pose)
    return DescribingReader(
        layout=layout,
        points=config.points,
        pose=pose,
        scale=sizes.scale,
        channels=tuple(config.channels),
        aligner=None if atlas is None else atlas.aligner,
    )


def channel_range(name: str) -> slice:
    """Return the channels of a part of the default detector's context."""
    if name == "deviation":
        return slice(CONTEXT, CONTEXT + DEVIATION)
    found = PARTS[name]
    return slice(found.start, found.stop)


def channel_count(names: Collection[str]) -> int:
    """Return the number of input channels of the networks, the coordinates among them."""
    count = 3
    for name in names:
        part = channel_range(name) if name != "normals" else slice(0, 3)
        count += part.stop - part.start
    return count


def _outward(pos: Floats) -> Floats:
    """Return unit normals, with shape ``(N, 3)``, that point away from the centroid."""
    axes = principal_axes(pos, pos, neighbors=grid_nearest(pos, pos, count=16)[1])[1]
    normal = axes[:, :, 0]
    side = np.where(np.einsum("nc,nc->n", normal, pos) < 0, -1, 1)
    return np.asarray(normal * side[:, None], dtype=np.float32)
