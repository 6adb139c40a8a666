"""The end of a fit: normal clouds are scored as if they were not learned from, for the limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch.utils.data import Dataset
from torch_geometric.data import Data
from tqdm import tqdm

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.detectors.base import Detector
from gmanet.detectors.records import Reader, read
from gmanet.errors import note
from gmanet.registration.target import Target
from gmanet.training.prefetch import PrefetchLoader
from gmanet.verdict.calibration import Calibration
from gmanet.verdict.config import VerdictConfig
from gmanet.verdict.gate import CLOUDS
from gmanet.verdict.judge import Judge
from gmanet.verdict.reference import common_reference

__all__ = ["HeldOut", "calibrate", "reference"]

Rescan = Callable[[Cloud, np.random.Generator, int], Cloud]
"""Function from a normal cloud, a generator and a number to the rescan of this number, from 0, in
the same pose."""


@dataclass(frozen=True, kw_only=True)
class HeldOut(Dataset[Data]):
    """Records of normal clouds, each followed by records of its rescans.

    Args:
        clouds: Normal clouds.
        reader: The detector's reader of clouds as if they were not learned from.
        rescan: Function that makes a rescan; None for none.
        rescans: Number of rescans of each cloud.
        seed: Seed of the rescans: rescan ``i`` has the generator ``[seed, i]``.
    """

    clouds: CloudDataset
    reader: Reader
    rescan: Rescan | None = None
    rescans: int = 0
    seed: int = 0

    def __len__(self) -> int:
        return len(self.clouds) * (1 + self.rescans)

    def __getitem__(self, index: int) -> Data:
        number, again = divmod(index, 1 + self.rescans)
        cloud = self.clouds[number]
        if again and self.rescan is not None:
            made = self.rescan(cloud, np.random.default_rng([self.seed, index]), again - 1)
            cloud = made.replace(name=cloud.name)
        return read(cloud, self.reader)


def calibrate(
    detector: Detector,
    clouds: CloudDataset,
    *,
    settings: VerdictConfig,
    rescan: Rescan | None = None,
    rescans: int = 0,
    seed: int = 0,
    workers: int = 0,
    progress: bool = True,
) -> Judge:
    """Return what makes a verdict of a detector's scores; neither weights nor generators change.

    Args:
        detector: The detector, right after its fit on these clouds.
        clouds: Normal clouds.
        settings: Settings of the verdict.
        rescan: Function that makes a rescan of a normal cloud; None for none.
        rescans: Number of rescans of each normal cloud whose scores count, too.
        seed: Seed of the rescans.
        workers: Number of processes that read clouds.
        progress: Whether to show a bar.
    """
    records = HeldOut(
        clouds=clouds,
        reader=detector.held_out_reader(),
        rescan=rescan,
        rescans=rescans,
        seed=seed,
    )
    loader = PrefetchLoader(records, batch_size=None, collate_fn=_one, num_workers=workers)
    training = detector.training
    with isolate_rng(), torch.no_grad():
        bar = tqdm(loader, "scoring normal clouds", disable=not progress, unit="scan")
        highest: list[float] = []
        scores = detector.eval().held_out_scores(bar, each=lambda p: highest.append(float(p.max())))
    detector.train(training)
    rows, points = (
        np.array(values, dtype=np.float64).reshape(len(clouds), 1 + rescans)
        for values in (scores, highest)
    )
    judge = Judge.of(
        clouds,
        rows,
        points=points[:, 0],
        false_alarms=settings.false_alarms,
        confidence=settings.confidence,
        search=_searches(detector, settings),
        regions=detector.regions,
    )
    if progress and judge.calibration is not None:
        _say_if_odd(judge.calibration, clouds.names)
    return judge


def _say_if_odd(calibration: Calibration, names: Sequence[str]) -> None:
    """Print a note on a normal cloud that is unlike the others, so that the limit is high."""
    if (found := calibration.without_highest()) is not None:
        odd, limit = found
        note(
            f"{names[odd]} scores {calibration.scores[odd].max():.4g}, and the limit rests on this "
            f"scan alone (without it {limit:.4g}): look at the scan; if it is no good part or was "
            "scanned otherwise, take it away and fit again; if it is good, more normal scans will "
            "show how usual it is"
        )


def reference(detector: Detector, clouds: CloudDataset, *, settings: VerdictConfig) -> Target:
    """Return the reference of the judge that :func:`calibrate` will make.

    Args:
        detector: The detector.
        clouds: Normal clouds.
        settings: Settings of the verdict.
    """
    count = len(clouds) if _searches(detector, settings) else CLOUDS
    return common_reference(clouds, count=count)[0]


def _searches(detector: Detector, settings: VerdictConfig) -> bool:
    return detector.finds_missing and settings.missing


def _one(record: Data) -> Data:
    return record
