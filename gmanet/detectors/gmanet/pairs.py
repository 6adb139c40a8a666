"""Pairs of a normal cloud and its twin, made once, from which every step draws fresh centers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset, Sampler
from torch_geometric.data import Data

from gmanet.cloud import Cloud, Indices, Labels
from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.descriptors import Structure
from gmanet.detectors.gmanet.reader import StructureReader, centers_of
from gmanet.geometry.neighbors import nearest
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.spcg import Generator

__all__ = ["Draw", "EpochSampler", "Pair", "PairDataset", "TwinDataset", "pair", "twin_of"]

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
        rng = np.random.default_rng([self.seed, index])
        cloud = self.normal[index % len(self.normal)]
        twin = self.generator.twin(cloud, rng)
        made = self.reader.structure(twin, cloud.name).thinned()
        assert twin.label is not None
        return made, twin.label[made.chosen[: len(made.context)]]


def twin_of(cloud: Cloud, config: SynthesisConfig, seed: int) -> Cloud:
    """Return the first twin that a run makes of its first train cloud, to be shown."""
    return Generator(config).twin(cloud, np.random.default_rng([seed, 0]))


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


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields ``(epoch, index)`` in an order that depends on the seed and the epoch alone.

    The epoch, and the place in it, follow from the number of steps made, so that a resumed run goes
    on with the batch that was next.  (Lightning's own count of epochs is off by one after a resumed
    run that is limited by steps.)  Every process takes each ``world``-th key.

    Args:
        length: Pairs.
        seed: Decides the order.
        rank: This process's number.
        world: Number of processes.
        batch: This process's pairs of one step; what remains of an epoch after whole steps is left
            out.
        steps: Returns how many steps were made.
    """

    def __init__(
        self,
        length: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        batch: int = 1,
        steps: Callable[[], int] = int,
    ) -> None:
        self.length, self.seed, self.rank, self.world = length, seed, rank, world
        self.batch, self.steps = batch, steps

    def __len__(self) -> int:
        return self.length // self.world // self.batch * self.batch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch, done = divmod(self.steps(), max(1, len(self) // self.batch))
        order = np.random.default_rng([self.seed, epoch]).permutation(self.length)
        mine = order[self.rank :: self.world][: len(self)]
        return ((epoch, int(index)) for index in mine[done * self.batch :])
