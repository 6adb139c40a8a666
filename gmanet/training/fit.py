"""A fit: detector, data and trainer together, for runs and for the Python interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from lightning import Callback, Trainer
from lightning.pytorch.loggers import Logger

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.detectors.base import Detector
from gmanet.nominal.pose import MeshTarget
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.rescans import draw_setting, rescan
from gmanet.training.calibration import calibrate, reference
from gmanet.training.compile import compile_networks
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer
from gmanet.verdict.config import VerdictConfig
from gmanet.verdict.gate import SETTINGS
from gmanet.verdict.regions import Regions, read_drawn

__all__ = ["Fit", "fit_detector"]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A detector with its data and the trainer that fits it.

    Args:
        detector: A prepared detector, or one that was loaded.
        data: Train and test clouds.
        trainer: The Lightning trainer.
        verdict: Settings of the verdict.
    """

    detector: Detector
    data: CloudData
    trainer: Trainer
    verdict: VerdictConfig

    @classmethod
    def of(
        cls,
        detector: Detector,
        train: CloudDataset,
        *,
        test: CloudDataset | None = None,
        settings: TrainConfig,
        synthesis: SynthesisConfig,
        verdict: VerdictConfig,
        seed: int,
        folder: Path,
        logger: Logger | None = None,
        callbacks: Sequence[Callback] = (),
        progress: bool = True,
    ) -> Fit:
        """Return the fit of a detector, before its first step.

        Args:
            detector: A prepared detector, or one that was loaded.
            train: Normal clouds.
            test: Clouds to score; None for none.
            settings: Settings of hardware and processes.
            synthesis: Settings of the twins.
            verdict: Settings of the verdict.
            seed: Seed of all twins and of all random draws.
            folder: Folder of the checkpoints.
            logger: Logger of curves; None for none.
            callbacks: Further callbacks.
            progress: Whether to show progress bars.

        Raises:
            InputError: The machine has no such accelerator, or fewer devices.
        """
        data = CloudData(
            train,
            train if test is None else test,
            detector=detector,
            synthesis=synthesis,
            seed=seed,
            workers=settings.processes,
            progress=progress,
        )
        trainer = make_trainer(
            detector,
            settings,
            folder=folder,
            logger=logger,
            epochs=detector.epochs(len(train), synthesis),
            callbacks=list(callbacks),
            progress=progress,
        )
        return cls(detector=detector, data=data, trainer=trainer, verdict=verdict)

    def learn(self, checkpoint: str | None = None) -> None:
        """Fit the detector, and measure the limit of its scores.

        The fingerprints of the clouds that it was fitted on are stored, too.  Supervised detectors
        have no limit, as that takes normal clouds.

        Args:
            checkpoint: Checkpoint to resume from; None to begin anew.

        Raises:
            InputError: A file of regions cannot be used.
        """
        drawn = [] if self.detector.supervised else read_drawn(self.verdict)
        if drawn:  # before minutes are spent on the fit
            target = reference(self.detector, self.data.train, settings=self.verdict)
            self.detector.regions = Regions.of(drawn, target)
        self.trainer.fit(
            self.detector, datamodule=self.data, ckpt_path=checkpoint, weights_only=True
        )
        if self.trainer.is_global_zero:
            train = self.data.train
            self.detector.part, self.detector.unit = train.category, train.unit
            self.detector.fitted_on = frozenset(cloud.fingerprint for cloud in self.data.train)
            if train.mesh is not None:
                self.detector.nominal = MeshTarget(mesh=train.mesh)
        if self.detector.supervised:
            return
        if self.trainer.is_global_zero:
            self.detector.to(self.trainer.strategy.root_device)
            learned = self.detector.learns_from_rescans and self.data.synthesis.rescans > 0
            self.detector.judge = calibrate(
                self.detector,
                self.data.train,
                settings=self.verdict,
                rescan=_scanned_again,
                rescans=self.verdict.rescans if learned else 0,
                seed=self.data.seed,
                workers=self.data.workers,
                progress=self.data.progress,
            )
            self.detector.cpu()
        # All processes raise the scores of scans that lack surface.
        self.detector.judge = self.trainer.strategy.broadcast(self.detector.judge)


def _scanned_again(cloud: Cloud, rng: np.random.Generator, number: int) -> Cloud:
    """Return a rescan with the setting of its number (``verdict.gate.SETTINGS``)."""
    noisier = SETTINGS[number % len(SETTINGS)] == "noisier"
    return rescan(cloud, draw_setting(rng, noisier=noisier), rng)


def fit_detector(
    detector: Detector,
    train: CloudDataset,
    *,
    settings: TrainConfig,
    synthesis: SynthesisConfig,
    verdict: VerdictConfig,
    seed: int,
    folder: Path,
    progress: bool = True,
) -> Detector:
    """Return a detector after it was fitted on normal clouds, ready to score.

    Args:
        detector: A new detector.
        train: Normal clouds.
        settings: Settings of hardware and processes.
        synthesis: Settings of the twins.
        verdict: Settings of the verdict.
        seed: Seed of all twins and of all random draws.
        folder: Folder of the checkpoints.
        progress: Whether to show progress bars.
    """
    detector.prepare(train)
    fit = Fit.of(
        detector,
        train,
        settings=settings,
        synthesis=synthesis,
        verdict=verdict,
        seed=seed,
        folder=folder,
        progress=progress,
    )
    if settings.compile:
        compile_networks(detector)
    fit.learn()
    return detector.eval()
