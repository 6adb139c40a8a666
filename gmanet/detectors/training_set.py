"""What a detector learns from: items that a step draws, and clouds that curves are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import Dataset
from torch_geometric.data import Data

from gmanet.synthesis.config import SynthesisConfig

__all__ = ["TrainingPlan", "TrainingSet"]


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What a run says of how a training set is made.

    Args:
        synthesis: How twins are made.
        seed: Decides every twin and every draw.
        workers: Processes that prepare clouds.
        progress: Whether to show progress bars.
    """

    synthesis: SynthesisConfig
    seed: int = 0
    workers: int = 0
    progress: bool = True


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Items to learn from.

    Args:
        items: Items by number; by ``(epoch, number)`` where they are drawn anew in every epoch.
        drawn: Whether steps draw batches in an order of each epoch's own; else every process takes
            its share of the items one by one, in their order.
        workers: Processes that draw, at most; None: as many as prepare clouds.
        validation: Synthetic clouds that the curves during training are measured on.
    """

    items: Dataset[Any]
    drawn: bool = False
    workers: int | None = None
    validation: Sequence[Data] = ()
