"""What every detector is: a LightningModule that is fitted on normal clouds and scores any cloud.

Trained detectors return a loss from ``training_step``.  Memory banks collect features there, return
none and configure no optimizer: nothing pretends to train.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from lightning import LightningModule
from torch import Tensor
from torch_geometric.data import Data

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.pairs import Draw
from gmanet.detectors.reading import Reader
from gmanet.detectors.scoring import OBJECT_RULES, object_score
from gmanet.errors import InputError

__all__ = ["Detector", "DetectorConfig", "Scores"]


class Scores(NamedTuple):
    """Higher is more abnormal; comparable within one detector and category only."""

    points: Tensor  # (N,)
    objects: Tensor  # (B,)


@dataclass
class DetectorConfig:
    """What all detectors have in common.

    Args:
        name: A row of ``gmanet.detectors.DETECTORS``.
        object_rule: How point scores make an object score; fixed before testing.
    """

    name: str = ""
    object_rule: str = "top"

    def __post_init__(self) -> None:
        if self.object_rule not in OBJECT_RULES:
            raise InputError(
                f"detector.object_rule={self.object_rule!r}, "
                f"wanted one of {', '.join(OBJECT_RULES)}"
            )

    @property
    def label(self) -> str:
        """What a table says of a row besides its name, such as where weights come from."""
        return ""


class Detector(LightningModule, ABC):
    """Knows what normal clouds look like, and says where another departs from them."""

    Config: type[DetectorConfig] = DetectorConfig
    steps = 0
    """Optimizer steps; 0 for one pass over the normal clouds."""
    draw: Draw | None = None
    """How it reads pairs of a cloud and its SPCG twin; None: it learns from normals alone."""
    batch = 1
    """Pairs, or normal clouds, of one step."""
    fitted_on: frozenset[str] = frozenset()
    """Fingerprints (``Cloud.fingerprint``) of the normal clouds it was fitted on, where known."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config

    def prepare(self, clouds: CloudDataset) -> None:
        """Learn of the normal clouds what the reader must know before it reads any.

        It is called before ``reader``, and what it learns is stored; most need nothing.  What a
        stored state holds already, when that was loaded before, is not learned again.
        """

    @abstractmethod
    def reader(self) -> Reader:
        """Return what turns a cloud into this detector's input."""

    @abstractmethod
    def score(self, batch: Data) -> Scores:
        """Return scores of every input point and object of a batch."""

    def with_objects(self, points: Tensor, batch: Data) -> Scores:
        """Return point scores of a batch, with shape ``(N,)``, and what the rule makes of them."""
        share = OBJECT_RULES[self.config.object_rule]
        sizes = batch.ptr.diff().tolist() if "ptr" in batch else [len(points)]
        objects = [object_score(part, share) for part in points.split(sizes)]
        return Scores(points, torch.stack(objects))

    def predict_step(self, batch: Data, *_: Any) -> Scores:
        """Return the scores; Lightning calls it."""
        return self.score(batch)

    def configure_optimizers(self) -> Any:
        """Return nothing: memory banks optimize nothing."""
        return None
