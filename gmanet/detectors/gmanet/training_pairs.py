"""The training set of a fit: normal clouds and their twins, all structures computed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gmanet.cloud import Cloud, diameter
from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.pairs import PairDataset, PairSampling, make_pair
from gmanet.detectors.gmanet.reader import StructureReader
from gmanet.detectors.gmanet.twin_dataset import TwinDataset
from gmanet.detectors.records import read
from gmanet.detectors.training_set import TrainingPlan, TrainingSet
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import Clouds, make_twin

if TYPE_CHECKING:
    from torch_geometric.data import Data

__all__ = ["make_training_set", "pair_count", "step_count", "twin_count", "validation_records"]

VALIDATION = 4
"""Number of normal clouds, and of extra twins made of them, for the curves during training."""

SAMPLERS = 4
"""Largest number of processes that sample centers: sampling takes a tenth of a step on a CPU."""

MOST_TWINS = 224
"""Largest number of twins that follows from the number of normal clouds: a bound on memory."""

MANY = 48
"""Number of normal clouds beyond which a fit takes more steps."""


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
    made: list[Any] = plan.prepare(source, "normal clouds and twins")
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
