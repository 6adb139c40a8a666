"""What PointNet++ reads of a cloud, and the twins that the paper's method learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from gmanet.cloud import Cloud, Floats, Indices, Labels
from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.pairs import BORDER, PairSampling
from gmanet.geometry.neighbors import farthest_points, nearest
from gmanet.networks.pointnet2.hierarchy import Hierarchy, make_hierarchy
from gmanet.networks.pointnet2.layout import Layout
from gmanet.networks.pointnet2.neighbors import three_nearest
from gmanet.registration.canonical import Canonicalizer
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.gma import Region, outward_normals
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import make_twin

__all__ = ["AnalyzedClouds", "PaperReader", "TwinHierarchies"]

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

    def __call__(self, cloud: Cloud) -> Hierarchy:
        """Return the record to score.

        It is the hierarchy of the points that are read, with ``near0 (N, 3)`` and ``weight0``,
        the three of them nearest to each point of the cloud, where these are more.
        """
        pos = torch.from_numpy(self.normalized(cloud))
        if len(pos) <= self.points:
            return make_hierarchy(pos, self.layout)
        record = make_hierarchy(pos[farthest_points(pos.numpy(), self.points)], self.layout)
        record.near0, record.weight0 = three_nearest(record.pos0, pos)
        record.num_nodes = len(pos)
        return record

    def twin(self, twin: Cloud) -> tuple[Hierarchy, Labels]:
        """Return the hierarchy of a twin and the labels of the points that are read."""
        pos = self.normalized(twin)
        assert twin.label is not None
        chosen: Indices | slice = slice(None)
        if len(pos) > self.points:
            chosen = farthest_points(pos, self.points)
        hierarchy = make_hierarchy(torch.from_numpy(pos[chosen]), self.layout)
        return hierarchy, twin.label[chosen]


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
        return self.reader(self.clouds[index])

    def __getitem__(self, key: tuple[int, int]) -> Hierarchy:
        """Return the hierarchy of a twin with ``abnormal`` and ``drawn``, both ``(N,)``."""
        epoch, index = key
        number = epoch * len(self) + index
        _, twin = make_twin(self.generator, self.clouds, index=number, seed=self.seed)
        record, label = self.reader.twin(twin)
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
