"""Training set of the paper's method: new twins in every epoch, or twins that are stored."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import partial

import numpy as np
import torch
from torch.utils.data import Dataset

from gmanet.cloud import Cloud, Floats, Indices, Labels
from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.pairs import BORDER, PairSampling
from gmanet.detectors.gmanet.training_pairs import validation_records
from gmanet.detectors.gmanet_paper.reader import PaperReader
from gmanet.detectors.records import read
from gmanet.detectors.training_set import TrainingPlan, TrainingSet
from gmanet.errors import InputError
from gmanet.geometry.neighbors import nearest
from gmanet.networks.pointnet2.hierarchy import Hierarchy
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.gma import Region, outward_normals
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import make_twin

__all__ = ["AnalyzedClouds", "TwinHierarchies", "Twins", "make_twin_set"]

FEWEST = 128
"""Smallest number of points of a train cloud: fewer points leave a level of a single point, for
which batch normalization is not defined."""

GUIDED = ("paper", "surface")
"""Kinds of twins whose positions come from GMA."""


class AnalyzedClouds(Dataset[tuple[Cloud, Region | None]]):
    """Data set of normal clouds with their results of GMA, which are the same in all epochs.

    Args:
        clouds: Normal clouds.
        config: Settings of the twins.
    """

    def __init__(self, clouds: CloudDataset, config: SynthesisConfig) -> None:
        self.clouds, self.config = clouds, config

    def __len__(self) -> int:
        return len(self.clouds)

    def __getitem__(self, index: int) -> tuple[Cloud, Region | None]:
        """Return a cloud with normals, and its clusters and scores; None if no twin needs these."""
        cloud = self.clouds[index]
        if self.config.kind not in GUIDED:
            return cloud, None
        region = Generator(self.config).regions(cloud)
        return cloud.replace(normal=outward_normals(cloud)), region


class Twins(Dataset[Hierarchy]):
    """Data set of hierarchies of twins by number, each with ``abnormal (N,)``.

    Args:
        clouds: Normal clouds.
        generator: Generator of twins.
        reader: Reads clouds and twins.
        seed: Seed of all twins.
        count: Number of twins that are enumerated; further ones can be read, too.
    """

    def __init__(
        self,
        clouds: Sequence[Cloud],
        generator: Generator,
        *,
        reader: PaperReader,
        seed: int,
        count: int,
    ) -> None:
        self.clouds, self.generator, self.reader = clouds, generator, reader
        self.seed, self.count = seed, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Hierarchy:
        """Return the hierarchy of a twin."""
        cloud, twin = make_twin(self.generator, self.clouds, index=number, seed=self.seed)
        record, chosen = self.reader.read(twin, cloud.name)
        assert twin.label is not None
        record.abnormal = torch.from_numpy(twin.label[chosen])
        return record


class TwinHierarchies(Dataset[Hierarchy]):
    """Data set of the twins that steps read: ``items[epoch, index]``.

    Args:
        twins: Twins by number.
        stored: Twins that are read in every epoch; if empty, every epoch makes a new one of each
            normal cloud.
        sampling: Numbers of points of a twin that are sampled; 0 centers for all points.
    """

    def __init__(
        self, twins: Twins, stored: Sequence[Hierarchy] = (), *, sampling: PairSampling
    ) -> None:
        self.twins, self.stored, self.sampling = twins, stored, sampling

    def __len__(self) -> int:
        return len(self.stored) or len(self.twins.clouds)

    def normal(self, count: int) -> list[Hierarchy]:
        """Return the hierarchies of the first normal clouds, ``count`` at most."""
        clouds = self.twins.clouds[:count]
        return [self.twins.reader(cloud, cloud.name) for cloud in clouds]

    def __getitem__(self, key: tuple[int, int]) -> Hierarchy:
        """Return the hierarchy of a twin with ``abnormal`` and ``drawn``, both ``(N,)``."""
        epoch, index = key
        number = epoch * len(self) + index
        record = copy(self.stored[index]) if self.stored else self.twins[number]
        label = record.abnormal.numpy()
        drawn = np.ones(len(label), dtype=bool)
        if self.sampling.centers:
            rng = np.random.default_rng([self.twins.seed, number, 1])
            drawn[:] = False
            drawn[_draw(record.pos0.numpy(), label, sampling=self.sampling, rng=rng)] = True
        record.drawn = torch.from_numpy(drawn)
        return record


def _draw(
    pos: Floats, label: Labels, *, sampling: PairSampling, rng: np.random.Generator
) -> Indices:
    """Return indices of points of a twin in the shares of the sampling."""
    border = np.zeros(len(label), dtype=bool)
    if label.any():
        width = 2 * BORDER  # a diameter is about two in coordinates of radius one
        border = (nearest(pos[label], pos, count=1)[0][:, 0] < width) & ~label
    abnormal = round(sampling.centers * sampling.synthetic)
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


def make_twin_set(
    clouds: CloudDataset,
    reader: PaperReader,
    *,
    sampling: PairSampling,
    plan: TrainingPlan,
    stored: int = 0,
) -> TrainingSet:
    """Return the training set of twins; GMA is computed before training.

    Args:
        clouds: Normal clouds.
        reader: Reads clouds and twins.
        sampling: Numbers of points of a twin that a step samples; 0 centers for all.
        plan: Settings of the run for twins, seed and processes.
        stored: Number of twins that are made before training; with 0, every epoch makes a new one
            of each cloud.

    Raises:
        InputError: A cloud has too few points.
    """
    made = plan.prepare(AnalyzedClouds(clouds, plan.synthesis), "normal clouds")
    normal = [cloud for cloud, _ in made]
    for cloud in normal:
        if len(cloud) < FEWEST:
            raise InputError(
                f"{cloud.name}: {len(cloud)} points, wanted at least {FEWEST} to train "
                "detector=gmanet_paper"
            )
    regions = {cloud.name: region for cloud, region in made if region is not None}
    generator = Generator(plan.synthesis, regions)
    twins = Twins(normal, generator, reader=reader, seed=plan.seed, count=stored)
    return TrainingSet(
        items=TwinHierarchies(
            twins, plan.prepare(twins, "twins") if stored else (), sampling=sampling
        ),
        drawn=True,
        validation=validation_records(
            normal,
            plan,
            generator=generator,
            read_cloud=lambda shown, origin: read(shown, partial(reader, origin=origin)),
        ),
    )
