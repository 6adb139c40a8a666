"""The LightningDataModule: the training set of a detector, and the test clouds."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from lightning import LightningDataModule
from torch.utils.data import DataLoader
from torch_geometric.data import Batch, Data

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.base import Detector
from gmanet.detectors.records import ReadClouds
from gmanet.detectors.training_set import TrainingPlan, TrainingSet
from gmanet.errors import InputError
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.prefetch import PrefetchLoader
from gmanet.training.sampler import EpochSampler

__all__ = ["CloudData"]


class CloudData(LightningDataModule):
    """Data of one category of a data set for one detector.

    Args:
        train: Normal clouds to fit on.
        test: Clouds to score.
        detector: A prepared detector, which gives the training set and the reader.
        synthesis: Settings of the twins.
        seed: Seed of all twins and of all random draws.
        workers: Number of processes that prepare clouds.
        progress: Whether to show progress bars.
    """

    def __init__(
        self,
        train: CloudDataset,
        test: CloudDataset,
        *,
        detector: Detector,
        synthesis: SynthesisConfig,
        seed: int = 0,
        workers: int = 0,
        progress: bool = True,
    ) -> None:
        super().__init__()
        self.train, self.test, self.detector = train, test, detector
        self.synthesis, self.seed = synthesis, seed
        self.workers, self.progress = workers, progress
        self.training_set: TrainingSet | None = None
        # There may be fewer clouds than processes.
        self.allow_zero_length_dataloader_with_multiple_devices = True

    def setup(self, stage: str) -> None:
        """Make the training set before the first step; Lightning calls it."""
        if stage == "fit" and self.training_set is None:
            plan = TrainingPlan(
                synthesis=self.synthesis,
                seed=self.seed,
                workers=self.workers,
                progress=self.progress and self._place[0] == 0,
            )
            self.training_set = self.detector.training_set(self.train, plan)

    @property
    def learned(self) -> TrainingSet:
        """The training set; it exists after ``setup``."""
        assert self.training_set is not None
        return self.training_set

    @property
    def _place(self) -> tuple[int, int]:
        """Rank of this process and number of processes."""
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size

    def _steps(self) -> int:
        """Return the number of optimizer steps so far, including those before an interruption."""
        return 0 if self.trainer is None else self.trainer.global_step

    def train_dataloader(self) -> DataLoader[Any]:
        """Return batches of drawn items, or the items one by one."""
        learned = self.learned
        rank, world = self._place
        count = len(learned.items)  # type: ignore[arg-type]
        if not learned.drawn:
            # Lightning needs the same number of items in every process: the first ones repeat.
            numbers = range(rank, world * ceil(count / world), world)
            return self._one_by_one(learned.items, [number % count for number in numbers])
        parts = getattr(self.trainer, "accumulate_grad_batches", 1)
        most = min(self.detector.batch, count)
        share = most // world // parts
        if share == 0:
            raise InputError(
                f"a step reads {most} pairs, wanted train.devices * train.nodes * "
                f"train.accumulate to be at most that, not {world * parts}"
            )
        step = share * parts
        sampler = EpochSampler(
            count, self.seed, rank=rank, world=world, batch=step, steps=self._steps
        )
        workers = self.workers if learned.workers is None else min(self.workers, learned.workers)
        return PrefetchLoader(
            learned.items,
            batch_size=share,
            sampler=sampler,
            collate_fn=_batch,
            num_workers=workers,
            persistent_workers=workers > 0,
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the synthetic validation clouds; test clouds are not read during a fit."""
        clouds: Any = self.learned.validation
        return DataLoader(clouds, batch_size=None, collate_fn=_one)

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return the test clouds, each exactly once over all processes."""
        rank, world = self._place
        records = ReadClouds(self.test, self.detector.reader())
        return self._one_by_one(records, range(rank, len(self.test), world))

    def _one_by_one(self, items: Any, numbers: Sequence[int]) -> DataLoader[Any]:
        return PrefetchLoader(
            items,
            batch_size=None,
            sampler=numbers,
            collate_fn=_one,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,  # a start takes as long as a small epoch
        )


def _one(item: Any) -> Any:
    return item


def _batch(items: list[Data]) -> Batch:
    return Batch.from_data_list(items)
