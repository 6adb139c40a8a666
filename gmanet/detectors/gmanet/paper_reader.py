"""What PointNet++ reads of a cloud, and the twins that the paper's method learns from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from gmanet.cloud import Cloud, Floats, Indices, Labels
from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.aligner import Aligner
from gmanet.detectors.gmanet.context_layout import PARTS
from gmanet.detectors.gmanet.descriptors import CONTEXT
from gmanet.detectors.gmanet.deviation import DEVIATION
from gmanet.detectors.gmanet.pairs import BORDER, PairSampling
from gmanet.detectors.gmanet.reader import StructureReader
from gmanet.geometry.neighbors import farthest_points, nearest
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.search.grid import grid_nearest
from gmanet.networks.pointnet2.hierarchy import Hierarchy, make_hierarchy
from gmanet.networks.pointnet2.layout import Layout
from gmanet.networks.pointnet2.neighbors import three_nearest
from gmanet.registration.canonical import Canonicalizer
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.gma import Region, outward_normals
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import make_twin

__all__ = [
    "CHANNELS",
    "AnalyzedClouds",
    "DescribingReader",
    "PaperReader",
    "TwinHierarchies",
    "channel_count",
]

CHANNELS = ("normals", *PARTS, "deviation")
"""Input features beside the coordinates, in their order: normals, the parts of the default
detector's context (``detectors.gmanet.context_layout``), the deviation from the normal clouds."""

GUIDED = ("paper", "surface")
"""Kinds of synthesis that place twins by GMA."""


@dataclass(frozen=True)
class PaperReader:
    """A function from a cloud to its hierarchy in coordinates of radius one.

    Coordinates are centered at the centroid of the cloud and divided by its largest distance from
    there; registered clouds, at the centroid of the reference and by half of the extent of that.

    Args:
        layout: Levels and radii.
        points: Largest number of points that the networks read.
        pose: Moves a cloud into its canonical pose.
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
        """Return the record to score and which points of the cloud are read.

        It is the hierarchy of these points with their input features ``x``.  Where the cloud has
        more, ``near0 (N, 3)`` and ``weight0`` are the three of them nearest to each of its points.

        Args:
            cloud: The cloud.
            origin: Name of the normal cloud that is this cloud or the original of this twin.
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
        """Return the record to score; arguments as for :meth:`read`."""
        return self.read(cloud, origin)[0]


@dataclass(frozen=True)
class DescribingReader(PaperReader):
    """The same with further input features: normals, and parts of the default detector's context.

    The points are those of the default detector's subsample.  Normals point away from the centroid.

    Args:
        channels: Parts that follow the coordinates, of ``CHANNELS``.
        aligner: Measures the deviation from the normal clouds; without it all are zero.
    """

    channels: tuple[str, ...] = ()
    aligner: Aligner | None = None

    def read(self, cloud: Cloud, origin: str = "") -> tuple[Hierarchy, Indices | slice]:
        """Return the record to score and which points of the cloud are read."""
        pos = self.normalized(cloud)
        sizes = (self.points, self.points, self.points)
        structure = StructureReader(*sizes, True, self.aligner).describe(cloud, origin)
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
    axes = principal_axes(pos, pos, grid_nearest(pos, pos, 16)[1])[1]
    normal = axes[:, :, 0]
    side = np.where(np.einsum("nc,nc->n", normal, pos) < 0, -1, 1)
    return np.asarray(normal * side[:, None], dtype=np.float32)


class AnalyzedClouds(Dataset[tuple[Cloud, Region | None]]):
    """Normal clouds, analyzed (GMA): that takes most of the time, and is the same in all epochs.

    Args:
        clouds: Normal clouds.
        config: How twins are made.
    """

    def __init__(self, clouds: CloudDataset, config: SynthesisConfig) -> None:
        self.clouds, self.config = clouds, config

    def __len__(self) -> int:
        return len(self.clouds)

    def __getitem__(self, index: int) -> tuple[Cloud, Region | None]:
        """Return a cloud, with its normals, and its clusters; None where no twin needs them."""
        cloud = self.clouds[index]
        if self.config.kind not in GUIDED:
            return cloud, None
        region = Generator(self.config).regions(cloud)
        return cloud.replace(normal=outward_normals(cloud)), region


class TwinHierarchies(Dataset[Hierarchy]):
    """A new twin of each normal cloud in every epoch: ``twins[epoch, index]`` (Algorithm 1).

    Args:
        clouds: Normal clouds.
        generator: Makes twins.
        reader: Makes hierarchies.
        sampling: How many points of a twin are drawn; 0 centers: all.
        seed: Decides every twin and every draw.
    """

    def __init__(
        self,
        clouds: Sequence[Cloud],
        generator: Generator,
        *,
        reader: PaperReader,
        sampling: PairSampling,
        seed: int,
    ) -> None:
        self.clouds, self.generator, self.reader = clouds, generator, reader
        self.sampling, self.seed = sampling, seed

    def __len__(self) -> int:
        return len(self.clouds)

    def normal(self, index: int) -> Hierarchy:
        """Return the hierarchy of a normal cloud."""
        cloud = self.clouds[index]
        return self.reader(cloud, cloud.name)

    def __getitem__(self, key: tuple[int, int]) -> Hierarchy:
        """Return the hierarchy of a twin with ``abnormal`` and ``drawn``, both ``(N,)``."""
        epoch, index = key
        number = epoch * len(self) + index
        cloud, twin = make_twin(self.generator, self.clouds, index=number, seed=self.seed)
        record, chosen = self.reader.read(twin, cloud.name)
        assert twin.label is not None
        label = twin.label[chosen]
        drawn = np.ones(len(label), dtype=bool)
        if self.sampling.centers:
            rng = np.random.default_rng([self.seed, number, 1])
            drawn[:] = False
            drawn[_draw(record.pos0.numpy(), label, self.sampling, rng)] = True
        record.abnormal, record.drawn = torch.from_numpy(label), torch.from_numpy(drawn)
        return record


def _draw(pos: Floats, label: Labels, sampling: PairSampling, rng: np.random.Generator) -> Indices:
    """Return points of a twin in the shares that the default detector trains on."""
    border = np.zeros(len(label), dtype=bool)
    if label.any():
        width = 2 * BORDER  # a diameter is about two in coordinates of radius one
        border = (nearest(pos[label], pos, 1)[0][:, 0] < width) & ~label
    abnormal, edge = round(sampling.centers * sampling.synthetic), 0
    edge = round(sampling.centers * sampling.border)
    parts = [
        (label, abnormal),
        (border, edge),
        (~label & ~border, sampling.centers - abnormal - edge),
    ]
    found = [
        rng.choice(np.flatnonzero(kind), min(count, int(kind.sum())), replace=False)
        for kind, count in parts
    ]
    return np.concatenate(found)
