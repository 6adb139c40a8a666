"""Pairs of a normal cloud and its twin, computed once; every step samples new centers from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import Dataset
from tqdm import tqdm

from gmanet.cloud import Cloud, Indices, Labels, diameter
from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.reader import StructureReader, gather_centers
from gmanet.detectors.gmanet.structures import Structure
from gmanet.detectors.gmanet.twin_dataset import TwinDataset
from gmanet.detectors.records import read
from gmanet.detectors.training_set import TrainingPlan, TrainingSet
from gmanet.geometry.neighbors import nearest
from gmanet.runtime.piped_loader import PipedLoader
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import Clouds, make_twin

if TYPE_CHECKING:
    from torch_geometric.data import Data

__all__ = [
    "Pair",
    "PairDataset",
    "PairSampling",
    "make_pair",
    "make_training_set",
    "pair_count",
    "step_count",
    "twin_count",
    "validation_records",
]

VALIDATION = 4
"""Number of normal clouds, and of extra twins made of them, for the curves during training."""

SAMPLERS = 4
"""Largest number of processes that sample centers: sampling takes a tenth of a step on a CPU."""

MOST_TWINS = 224
"""Largest number of twins that follows from the number of normal clouds: a bound on memory."""

MANY = 48
"""Number of normal clouds beyond which a fit takes more steps."""

BORDER = 0.08
"""Width of the border around abnormal areas, as a share of the diameter."""


@dataclass(frozen=True, kw_only=True)
class PairSampling:
    """Numbers of centers that one step samples from a pair.

    Args:
        centers: Number of centers from one pair.
        synthetic: Share of the centers on the twin's abnormal area.
        border: Share of the centers on the border of this area: normal points near abnormal points.
    """

    centers: int = 128
    synthetic: float = 0.25
    border: float = 0.1


@dataclass(frozen=True, eq=False, kw_only=True)
class Pair:
    """The structures of a normal cloud and its twin, with the twin's centers by kind.

    Args:
        normal: Structure of the normal cloud.
        twin: Structure of the twin.
        abnormal: Indices of the twin's centers in the abnormal area.
        border: Indices of the twin's normal centers near the abnormal area.
        far: Indices of the twin's remaining centers.
    """

    normal: Structure
    twin: Structure
    abnormal: Indices
    border: Indices
    far: Indices


def make_pair(normal: Structure, twin: Structure, *, label: Labels, diameter: float) -> Pair:
    """Return a pair with the twin's centers sorted by kind.

    Args:
        normal: Structure of the normal cloud.
        twin: Structure of its twin.
        label: Labels of the twin's centers, true where abnormal, with shape ``(M,)``.
        diameter: Diameter of the normal cloud's subsample, in the unit of the cloud.
    """
    center = twin.points[: len(label)]
    border = np.zeros(len(label), dtype=bool)
    if label.any():
        border = (nearest(center[label], center, count=1)[0][:, 0] < BORDER * diameter) & ~label
    return Pair(
        normal=normal,
        twin=twin,
        abnormal=np.flatnonzero(label),
        border=np.flatnonzero(border),
        far=np.flatnonzero(~label & ~border),
    )


class PairDataset(Dataset["Data"]):
    """Data set of centers sampled from pairs; an item depends on ``(seed, epoch, index)`` alone."""

    def __init__(self, pairs: list[Pair], sampling: PairSampling, *, seed: int) -> None:
        self.pairs, self.sampling, self.seed = pairs, sampling, seed

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: tuple[int, int]) -> Data:
        epoch, index = key
        rng = np.random.default_rng([self.seed, epoch, index])
        made = self.pairs[index]
        count = self.sampling.centers
        synthetic = round(count * self.sampling.synthetic) if len(made.abnormal) else 0
        border = round(count * self.sampling.border) if len(made.border) else 0
        rest = count - synthetic - border
        far = rest // 2 if len(made.far) else 0
        everywhere = np.arange(len(made.normal.context))
        parts = [
            (made.twin, made.abnormal, synthetic, True),
            (made.twin, made.border, border, False),
            (made.twin, made.far, far, False),
            (made.normal, everywhere, rest - far, False),
        ]
        drawn = [
            (structure, rng.choice(index, size), abnormal)
            for structure, index, size, abnormal in parts
            if size
        ]
        return gather_centers(drawn)

    def sample(self, count: int) -> Data:
        """Return about ``count`` centers, equally many of each normal cloud, for standardizers."""
        rng = np.random.default_rng(self.seed)
        normals = list({id(made.normal): made.normal for made in self.pairs}.values())
        each = max(1, count // len(normals))
        drawn = [
            (made, rng.choice(len(made.context), min(each, len(made.context)), False), False)
            for made in normals
        ]
        return gather_centers(drawn)


def twin_count(clouds: int, synthesis: SynthesisConfig) -> int:
    """Return the number of twins: one of each cloud, ``MOST_TWINS`` at most, if that is more."""
    return max(synthesis.twins, min(clouds, MOST_TWINS))


def step_count(clouds: int, steps: int) -> int:
    """Return the number of optimizer steps for a number of clouds.

    It grows with the clouds beyond ``MANY``, more slowly than they do: 224 clouds take twice
    the steps.

    Args:
        clouds: Number of normal clouds.
        steps: Number of steps for ``MANY`` clouds or fewer.
    """
    return round(steps * min(float(max(clouds / MANY, 1.0) ** 0.45), 2.0))


def pair_count(clouds: int, synthesis: SynthesisConfig) -> int:
    """Return the number of pairs; with fewer twins than clouds, each twin is in several pairs."""
    return max(synthesis.twins, clouds)


def make_training_set(
    clouds: CloudDataset, reader: StructureReader, *, sampling: PairSampling, plan: TrainingPlan
) -> TrainingSet:
    """Return the training set of normal clouds and their twins, all structures computed.

    Args:
        clouds: Normal clouds.
        reader: Reads clouds and twins.
        sampling: Numbers of centers that a step samples from a pair.
        plan: Settings of the run for twins, seed and processes.
    """
    count = twin_count(len(clouds), plan.synthesis)
    plan = replace(plan, synthesis=replace(plan.synthesis, twins=count))
    source = TwinDataset(clouds, reader, config=plan.synthesis, seed=plan.seed)
    loader = PipedLoader(source, None, num_workers=plan.workers, collate_fn=_as_is)
    name = "normal clouds and twins"
    made = list(tqdm(loader, name, len(source), disable=not plan.progress, unit="cloud"))
    normal, twins = made[: len(clouds)], made[len(clouds) : len(clouds) + count]
    rescanned = made[len(clouds) + count :]
    pairs = []
    for index in range(pair_count(len(clouds), plan.synthesis)):
        twin, label = twins[index % count]
        again = rescanned[index] if index < count else None
        original = (again or normal[index % len(normal)])[0]
        pairs.append(make_pair(original, twin, label=label, diameter=diameter(original.points)))
    return TrainingSet(
        items=PairDataset(pairs, sampling, seed=plan.seed),
        drawn=True,
        workers=SAMPLERS,
        validation=validation_records(
            clouds,
            plan,
            generator=Generator(plan.synthesis),
            read_cloud=lambda shown, origin: read(shown, partial(reader, origin=origin)),
        ),
    )


def validation_records(
    clouds: Clouds,
    plan: TrainingPlan,
    *,
    generator: Generator,
    read_cloud: Callable[[Cloud, str], Data],
) -> list[Data]:
    """Return records of normal clouds, and of twins that are not in the training set.

    Args:
        clouds: Normal clouds, of which the last are taken.
        plan: Settings of the run for twins and seed.
        generator: Generator of twins.
        read_cloud: Function from a cloud, and the name of the normal cloud that is this cloud or
            the original of this twin, to its record.
    """
    made: list[Data] = []
    for index in range(min(VALIDATION, len(clouds))):
        last = [clouds[len(clouds) - 1 - index]]
        further = plan.synthesis.twins + index
        cloud, twin = make_twin(generator, last, index=further, seed=plan.seed)
        normal = cloud.replace(label=np.zeros(len(cloud), dtype=bool), defect="good")
        made += [read_cloud(shown, cloud.name) for shown in (normal, twin)]
    return made


def _as_is(item: Any) -> Any:
    return item
