"""What every detector is: a LightningModule that is fitted on normal clouds and scores any cloud.

Trained detectors return a loss from ``training_step``.  Memory banks collect features there, return
none and configure no optimizer: nothing pretends to train.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from lightning import LightningModule
from torch import Tensor
from torch.utils.data import Dataset
from torch_geometric.data import Data

from gmanet.cloud import Cloud, Floats
from gmanet.detectors.config import OBJECT_RULES, DetectorConfig

if TYPE_CHECKING:
    from gmanet.datasets.base import CloudDataset
    from gmanet.detectors.training_set import TrainingPlan, TrainingSet
    from gmanet.synthesis.config import SynthesisConfig

__all__ = ["Detector", "ReadClouds", "Reader", "Scores", "object_score", "read"]


Reader = Callable[[Cloud], Data]
"""Turns a cloud into what a detector reads; its record has as many nodes as the cloud points."""


def read(cloud: Cloud, reader: Reader) -> Data:
    """Return the reader's record with the cloud's own fields.

    Added are ``pos (N, 3)``, ``label (N,)`` (all False where unknown: see ``labelled``),
    ``labelled``, ``name``, ``defect`` and the reader's ``seconds``.
    """
    start = time.perf_counter()
    data = reader(cloud)
    data.seconds = time.perf_counter() - start
    label = np.zeros(len(cloud), dtype=bool) if cloud.label is None else cloud.label
    data.pos = torch.from_numpy(np.ascontiguousarray(cloud.pos))
    data.label = torch.from_numpy(np.ascontiguousarray(label))
    data.labelled = cloud.label is not None
    data.name = cloud.name
    data.defect = cloud.defect or ""
    return data


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of one cloud: higher is more abnormal, comparable within one detector only.

    Args:
        points: Score of each point, with shape ``(N,)``.
        object: Score of the object.
    """

    points: Floats
    object: float


def object_score(points: Tensor, share: float) -> Tensor:
    """Return the mean of a cloud's highest scores, a scalar.

    Args:
        points: Scores of one cloud's points, with shape ``(N,)``.
        share: Share of the points that count; at least one does.
    """
    count = max(1, int(len(points) * share))
    return torch.topk(points, count).values.mean()


class ReadClouds(Dataset[Data]):
    """Clouds as a detector reads them."""

    def __init__(self, clouds: CloudDataset, reader: Reader) -> None:
        self.clouds, self.reader = clouds, reader

    def __len__(self) -> int:
        return len(self.clouds)

    def __getitem__(self, index: int) -> Data:
        return read(self.clouds[index], self.reader)


class Detector(LightningModule, ABC):
    """Knows what normal clouds look like, and says where another departs from them."""

    Config: type[DetectorConfig] = DetectorConfig
    steps = 0
    """Optimizer steps; 0 for one pass over the normal clouds."""
    batch = 1
    """Items of the training set in one step, of all processes together."""
    learns_from_twins = False
    """Whether it learns from SPCG twins; the others learn from normal clouds alone."""
    stages: ClassVar[Mapping[str, str]] = {}
    """Module or function below the package -> stage of the efficiency table that it belongs to."""
    fitted_on: frozenset[str] = frozenset()
    """Fingerprints of the clouds that it was fitted on (``Cloud.fingerprint``)."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config

    def prepare(self, clouds: CloudDataset) -> None:
        """Learn of the normal clouds what the reader must know before it reads any.

        It is called before ``reader``, and what it learns is stored; most need nothing.  What was
        stored is not learned again.
        """

    @abstractmethod
    def reader(self) -> Reader:
        """Return what turns a cloud into this detector's input."""

    def training_set(self, clouds: CloudDataset, plan: TrainingPlan) -> TrainingSet:
        """Return what the detector learns from: every normal cloud once, unless it says otherwise.

        Args:
            clouds: Normal clouds.
            plan: How the run makes training sets.
        """
        from gmanet.detectors.training_set import TrainingSet

        reader = self.reader()
        # What compares clouds with normal ones must not compare these with themselves.
        return TrainingSet(items=ReadClouds(clouds, getattr(reader, "of_train", reader)))

    def epochs(self, clouds: int, synthesis: SynthesisConfig) -> int:
        """Return the passes over the training set that the steps amount to.

        Args:
            clouds: Number of normal clouds.
            synthesis: How twins are made.
        """
        return 1

    @abstractmethod
    def score_record(self, record: Data) -> tuple[Tensor, Tensor]:
        """Return scores of the points, with shape ``(N,)``, and of the object, a scalar.

        Args:
            record: What the reader made of one cloud.
        """

    @torch.no_grad()
    def score(self, cloud: Cloud | npt.ArrayLike) -> Scores:
        """Return the scores of one cloud.

        Args:
            cloud: The cloud, or coordinates with shape ``(N, 3)`` in the unit of the normal clouds;
                rows that were never measured (``gmanet.formats.unmeasured``) score NaN.

        Raises:
            InputError: The cloud cannot be scored (``Cloud.checked``).
        """
        from gmanet.formats.arrays import as_cloud

        made = as_cloud(cloud)
        record = read(made, self.reader()).to(self.device)
        points, whole = self.score_record(record)
        found = points.cpu().numpy()
        if made is not cloud:  # one score for each row of the array
            found = made.in_file_order(found, float("nan"))
        return Scores(found, float(whole))

    def save(self, path: Path | str) -> None:
        """Write one file that holds all that scoring needs; ``gmanet.load`` reads it.

        Args:
            path: The file; an older one is replaced.

        Raises:
            OutputError: The file system refuses.
        """
        from gmanet.detectors.stored import save_detector

        config = asdict(self.config)
        save_detector(
            Path(path),
            self.config.name,
            config=config,
            state=self.state_dict(),
            train=self.fitted_on,
        )

    def with_object(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores of one cloud's points, ``(N,)``, and what the rule makes of them."""
        return points, object_score(points, OBJECT_RULES[self.config.object_rule])

    def enlarge(self, record: Data, clouds: int) -> None:
        """Make the detector as large as a fit on more clouds would; most are.

        Args:
            record: What the training set holds of a normal cloud.
            clouds: Number of normal clouds of that fit.
        """

    def predict_step(self, record: Data, *_: Any) -> tuple[Tensor, Tensor]:
        """Return the scores; Lightning calls it."""
        return self.score_record(record)

    def configure_optimizers(self) -> Any:
        """Return nothing: memory banks optimize nothing."""
        return None
