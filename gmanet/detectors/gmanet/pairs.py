"""Pairs of a normal cloud and its twin, made once, from which every step draws fresh centers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch.utils.data import Dataset
from torch_geometric.data import Data
from tqdm import tqdm

from gmanet.cloud import Indices, Labels
from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.descriptors import Structure
from gmanet.detectors.gmanet.reader import StructureReader, centers_of
from gmanet.detectors.reading import read
from gmanet.detectors.training_set import TrainingPlan, TrainingSet
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.size import diameter
from gmanet.runtime.piped_loader import PipedLoader
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import make_twin

__all__ = [
    "Draw",
    "Pair",
    "PairDataset",
    "TwinDataset",
    "make_training_set",
    "pair",
    "pair_count",
]

VALIDATION = 4
"""Normal clouds, and twins made of them for this alone, that the curves during training show."""

DRAWERS = 4
"""Processes that draw from the pairs, at most: a draw takes a tenth of a step on a processor."""

NEAR = 0.08
"""Normal centers within this fraction of the diameter of an abnormal one count as near it."""


@dataclass(frozen=True)
class Draw:
    """How many centers of a pair one step reads, and which.

    Args:
        centers: Centers of one pair.
        synthetic: Share of them on the twin's abnormal area.
        near: Share of them beside it: normal, but with abnormal surroundings.
    """

    centers: int = 128
    synthetic: float = 0.25
    near: float = 0.1


@dataclass(frozen=True, eq=False)
class Pair:
    """A twin's structure with its centers sorted by what they are; ``normal`` is its original's."""

    normal: Structure
    twin: Structure
    abnormal: Indices
    near: Indices
    far: Indices


class TwinDataset(Dataset[tuple[Structure, Labels]]):
    """The structures of the normal clouds, then those of the twins with their centers' labels.

    Twin ``i`` depends on ``(seed, i)`` alone, so it does not matter which worker makes it.
    """

    def __init__(
        self, normal: CloudDataset, reader: StructureReader, config: SynthesisConfig, seed: int
    ) -> None:
        self.normal, self.reader, self.seed = normal, reader, seed
        self.twins = config.twins
        self.generator = Generator(config)

    def __len__(self) -> int:
        return len(self.normal) + self.twins

    def __getitem__(self, index: int) -> tuple[Structure, Labels]:
        if index < len(self.normal):
            cloud = self.normal[index]
            made = self.reader.structure(cloud, cloud.name).thinned()
            return made, np.zeros(len(made.context), dtype=bool)
        index -= len(self.normal)
        cloud, twin = make_twin(self.generator, self.normal, index=index, seed=self.seed)
        made = self.reader.structure(twin, cloud.name).thinned()
        assert twin.label is not None
        return made, twin.label[made.chosen[: len(made.context)]]


def pair(normal: Structure, twin: Structure, label: Labels, diameter: float) -> Pair:
    """Return a pair with the twin's centers sorted.

    Args:
        normal: Structure of the normal cloud.
        twin: Structure of its twin.
        label: Which of the twin's centers are abnormal, with shape ``(M,)``.
        diameter: Diameter of the normal cloud's kept points, in their unit.
    """
    center = twin.points[: len(label)]
    near = np.zeros(len(label), dtype=bool)
    if label.any():
        near = (nearest(center[label], center, 1)[0][:, 0] < NEAR * diameter) & ~label
    kinds = (np.flatnonzero(kind) for kind in (label, near, ~label & ~near))
    return Pair(normal, twin, *kinds)


class PairDataset(Dataset[Data]):
    """``dataset[epoch, index]`` draws centers of pair ``index``; nothing else decides which."""

    def __init__(self, pairs: list[Pair], draw: Draw, seed: int) -> None:
        self.pairs, self.draw, self.seed = pairs, draw, seed

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: tuple[int, int]) -> Data:
        epoch, index = key
        rng = np.random.default_rng([self.seed, epoch, index])
        made = self.pairs[index]
        count = self.draw.centers
        synthetic = round(count * self.draw.synthetic) if len(made.abnormal) else 0
        near = round(count * self.draw.near) if len(made.near) else 0
        rest = count - synthetic - near
        far = rest // 2 if len(made.far) else 0
        everywhere = np.arange(len(made.normal.context))
        parts = [
            (made.twin, made.abnormal, synthetic, True),
            (made.twin, made.near, near, False),
            (made.twin, made.far, far, False),
            (made.normal, everywhere, rest - far, False),
        ]
        drawn = [
            (structure, rng.choice(index, size), abnormal)
            for structure, index, size, abnormal in parts
            if size
        ]
        return centers_of(drawn)

    def sample(self, count: int) -> Data:
        """Return centers of all normal clouds, evenly: what features are standardised on."""
        rng = np.random.default_rng(self.seed)
        normals = list({id(made.normal): made.normal for made in self.pairs}.values())
        each = max(1, count // len(normals))
        drawn = [
            (made, rng.choice(len(made.context), min(each, len(made.context)), False), False)
            for made in normals
        ]
        return centers_of(drawn)


def pair_count(clouds: int, synthesis: SynthesisConfig) -> int:
    """Return how many pairs there are: where clouds outnumber twins, twins go with several."""
    return max(synthesis.twins, clouds)


def make_training_set(
    clouds: CloudDataset, reader: StructureReader, draw: Draw, plan: TrainingPlan
) -> TrainingSet:
    """Return the pairs of normal clouds and their twins, all structures made.

    Args:
        clouds: Normal clouds.
        reader: Reads clouds and twins.
        draw: What a step draws of a pair.
        plan: How twins are made, by how many processes.
    """
    source = TwinDataset(clouds, reader, plan.synthesis, plan.seed)
    loader = PipedLoader(source, None, num_workers=plan.workers, collate_fn=_as_is)
    name = "normal clouds and twins"
    made = list(tqdm(loader, name, len(source), disable=not plan.progress, unit="cloud"))
    normal, twins = made[: len(clouds)], made[len(clouds) :]
    pairs = []
    for index in range(pair_count(len(clouds), plan.synthesis)):
        original, (twin, label) = normal[index % len(normal)][0], twins[index % len(twins)]
        pairs.append(pair(original, twin, label, diameter(original.points)))
    return TrainingSet(
        items=PairDataset(pairs, draw, plan.seed),
        drawn=True,
        workers=DRAWERS,
        validation=_validation(clouds, reader, plan),
    )


def _validation(clouds: CloudDataset, reader: StructureReader, plan: TrainingPlan) -> list[Data]:
    """Return normal clouds and twins that training does not draw from."""
    generator = Generator(plan.synthesis)
    made: list[Data] = []
    for index in range(min(VALIDATION, len(clouds))):
        cloud = clouds[len(clouds) - 1 - index]
        rng = np.random.default_rng([plan.seed, plan.synthesis.twins + index])
        normal = cloud.replace(label=np.zeros(len(cloud), dtype=bool), defect="good")
        twin = generator.twin(cloud, rng)
        made += [read(shown, partial(reader, origin=cloud.name)) for shown in (normal, twin)]
    return made


def _as_is(item: Any) -> Any:
    return item
