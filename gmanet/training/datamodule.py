"""The LightningDataModule: normal clouds with their twins to train, test clouds to score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from math import ceil
from typing import Any

import numpy as np
from lightning import LightningDataModule
from torch.utils.data import DataLoader
from torch_geometric.data import Batch, Data
from tqdm import tqdm

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.pairs import Draw, EpochSampler, PairDataset, TwinDataset, pair
from gmanet.detectors.gmanet.reader import StructureReader
from gmanet.detectors.reading import ReadClouds, Reader, read
from gmanet.errors import InputError
from gmanet.geometry.size import diameter
from gmanet.runtime.piped_loader import PipedLoader
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.spcg import Generator
from gmanet.training.prefetch import AheadLoader

__all__ = ["CloudData"]

VALIDATION = 4
"""Normal clouds, and twins made of them for this alone, that the curves during training show."""

DRAWERS = 4
"""Processes that draw from the pairs, at most: a draw takes a tenth of a step on a processor."""


class CloudData(LightningDataModule):
    """Supplies one category of a data set to one detector.

    Args:
        train: Normal clouds to fit on.
        test: Clouds to score.
        reader: Turns a cloud into the detector's input.
        synthesis: How twins are made.
        draw: How many centers a step reads of each pair; None: no twins are made, and every normal
            cloud is seen once.
        batch: Pairs, or normal clouds, of one step, of all processes together.
        seed: Decides every twin and every draw.
        workers: Processes that prepare clouds.
        progress: Whether to show progress bars.
    """

    def __init__(
        self,
        train: CloudDataset,
        test: CloudDataset,
        reader: Reader,
        synthesis: SynthesisConfig,
        draw: Draw | None = None,
        batch: int = 1,
        seed: int = 0,
        workers: int = 0,
        progress: bool = True,
    ) -> None:
        super().__init__()
        self.train, self.test, self.reader = train, test, reader
        self.synthesis, self.draw, self.batch = synthesis, draw, batch
        self.seed, self.workers, self.progress = seed, workers, progress
        self.pairs: PairDataset | None = None
        self.validation: list[Data] = []
        # There may be fewer clouds than processes.
        self.allow_zero_length_dataloader_with_multiple_devices = True

    def setup(self, stage: str) -> None:
        """Make the twins and all structures before the first step; Lightning calls it."""
        if stage == "fit" and self.draw is not None and self.pairs is None:
            assert isinstance(self.reader, StructureReader)
            self.pairs = self._make_pairs(self.reader, self.draw)
            self.validation = self._make_validation()

    def _make_pairs(self, reader: StructureReader, draw: Draw) -> PairDataset:
        source = TwinDataset(self.train, reader, self.synthesis, self.seed)
        loader = PipedLoader(source, None, num_workers=self.workers, collate_fn=_as_is)
        bar = self._bar(loader, "normal clouds and twins", len(source))
        made = list(bar)
        normal, twins = made[: len(self.train)], made[len(self.train) :]
        pairs = []
        for index in range(self._pair_count):
            original, (twin, label) = normal[index % len(normal)][0], twins[index % len(twins)]
            pairs.append(pair(original, twin, label, diameter(original.points)))
        return PairDataset(pairs, draw, self.seed)

    @property
    def _pair_count(self) -> int:
        """Return how many pairs there are: where clouds outnumber twins, twins go with several."""
        return max(self.synthesis.twins, len(self.train))

    def _make_validation(self) -> list[Data]:
        """Return normal clouds and twins that training does not draw from."""
        assert isinstance(self.reader, StructureReader)
        generator = Generator(self.synthesis)
        made: list[Data] = []
        for index in range(min(VALIDATION, len(self.train))):
            cloud = self.train[len(self.train) - 1 - index]
            rng = np.random.default_rng([self.seed, self.synthesis.twins + index])
            reader = partial(self.reader, origin=cloud.name)
            normal = cloud.replace(label=np.zeros(len(cloud), dtype=bool), defect="good")
            twin = generator.twin(cloud, rng)
            made += [read(shown, reader) for shown in (normal, twin)]
        return made

    def _bar(self, items: Iterable[Any], name: str, total: int) -> Iterator[Any]:
        return iter(
            tqdm(items, name, total, disable=not self.progress or self._place[0] > 0, unit="cloud")
        )

    def epochs(self, steps: int) -> int:
        """Return the passes over the train data that so many steps take; 0 steps are one pass."""
        if self.draw is None:
            return 1
        return ceil(steps / max(1, self._pair_count // self.batch))

    @property
    def _place(self) -> tuple[int, int]:
        """Return this process's number and how many there are."""
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size

    def _steps(self) -> int:
        """Return the optimizer steps made so far, those before an interruption included."""
        return 0 if self.trainer is None else self.trainer.global_step

    def sample(self, count: int) -> Data:
        """Return centers of the normal clouds, to standardise features on."""
        assert self.pairs is not None
        return self.pairs.sample(count)

    def train_dataloader(self) -> DataLoader[Any]:
        """Return draws from the pairs, or the normal clouds for a detector without twins."""
        rank, world = self._place
        if self.pairs is None:
            # As many for every process, the first ones twice: Lightning counts on equal numbers.
            places = range(rank, world * ceil(len(self.train) / world), world)
            mine = [place % len(self.train) for place in places]
            # What compares clouds with normal ones must not compare these with themselves.
            return self._loader(self.train, mine, getattr(self.reader, "of_train", self.reader))
        parts = getattr(self.trainer, "accumulate_grad_batches", 1)
        share = min(self.batch, len(self.pairs)) // world // parts
        if share == 0:
            raise InputError(
                f"a step reads {min(self.batch, len(self.pairs))} pairs, wanted train.devices * "
                f"train.nodes * train.accumulate to be at most that, not {world * parts}"
            )
        step = share * parts
        sampler = EpochSampler(len(self.pairs), self.seed, rank, world, step, self._steps)
        workers = min(self.workers, DRAWERS)
        return AheadLoader(
            self.pairs,
            batch_size=share,
            sampler=sampler,
            collate_fn=_batch,
            num_workers=workers,
            persistent_workers=workers > 0,
        )

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the synthetic validation clouds; test labels are never seen during a fit."""
        return DataLoader(self.validation, batch_size=1, collate_fn=_batch)  # type: ignore[arg-type]

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return the test clouds, each exactly once over all processes."""
        rank, world = self._place
        return self._loader(self.test, range(rank, len(self.test), world), self.reader)

    def _loader(self, clouds: CloudDataset, mine: Sequence[int], reader: Reader) -> DataLoader[Any]:
        return AheadLoader(
            ReadClouds(clouds, reader),
            batch_size=1,
            sampler=mine,
            collate_fn=_batch,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,  # to start them anew costs a small epoch's time
        )


def _as_is(item: Any) -> Any:
    return item


def _batch(items: list[Data]) -> Batch:
    return Batch.from_data_list(items)
