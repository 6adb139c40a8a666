"""The stages of a run: fit, score, measure, draw; each does only what is not done yet."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lightning import seed_everything

from gmanet.cloud import Cloud
from gmanet.config.schema import RunConfig, resolved
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.catalog import similar_kinds
from gmanet.datasets.subset import Subset
from gmanet.detectors.base import Detector
from gmanet.detectors.table import DETECTORS
from gmanet.errors import InputError, note
from gmanet.evaluation.dashboard import show
from gmanet.evaluation.efficiency.peak_memory import peak_resident
from gmanet.evaluation.gallery import choose, draw_gallery
from gmanet.evaluation.measure import measure
from gmanet.evaluation.predictions import file_stem, load_predictions
from gmanet.evaluation.writer import StorePredictions
from gmanet.runs.folder import Run
from gmanet.runtime import preemption
from gmanet.runtime.cores import available_cores
from gmanet.runtime.rank import rank
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import make_twin
from gmanet.training.checkpoints import usable
from gmanet.training.compile import compile_networks
from gmanet.training.distributed import agreed, stop_others
from gmanet.training.fit import Fit
from gmanet.training.logger import make_logger

__all__ = ["fit"]

PATIENCE = 120.0
"""Timeout for files of other machines to appear, in seconds: network file systems cache folders."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The remaining work of a run.

    Args:
        fitted: Whether the fit is finished.
        checkpoint: Checkpoint from which the fit is resumed; None to begin anew.
        clouds: Names of the test clouds that are still to be scored.
    """

    fitted: bool
    checkpoint: str | None
    clouds: list[str]

    @classmethod
    def of(cls, run: Run, names: Sequence[str]) -> Plan:
        """Return the remaining work of a run with these test clouds."""
        fitted = run.detector_file.is_file()
        last = None if fitted else usable(run.all_checkpoints, rank() == 0)
        done = _stored(run) if fitted else set()
        todo = [name for name in names if file_stem(name) not in done]
        return cls(fitted=fitted, checkpoint=None if last is None else str(last), clouds=todo)


def fit(config: RunConfig, run: Run, *, train: CloudDataset, test: CloudDataset) -> dict[str, Any]:
    """Do the remaining work of a run and return the figures.

    Every process of a run calls this function; only the first writes and returns figures.

    Args:
        config: Configuration of the run.
        run: Folder of the run.
        train: Normal clouds.
        test: Clouds to score.
    """
    _use_cores(config)
    logger = None
    if rank() == 0:
        said = resolved(config)
        logger = make_logger(
            config.train.logger, config.wandb, folder=run.folder, name=config.name, resolved=said
        )
    seed_everything(config.seed, verbose=False)
    detector = DETECTORS[config.detector.name](config.detector)
    _prepare(run, detector, train=train)
    settings = config.train
    made = Fit.of(
        detector,
        train,
        test=test,
        settings=settings,
        synthesis=config.synthesis,
        verdict=config.verdict,
        seed=config.seed,
        folder=run.folder,
        logger=logger,
        callbacks=[StorePredictions(run.predictions)],
    )
    data, trainer = made.data, made.trainer
    plan = agreed(trainer, Plan.of(run, test.names))
    data.test = Subset(test, plan.clouds)
    if settings.compile:
        compile_networks(detector)
    try:
        _learn(run, plan, made=made)
        if plan.clouds:
            trainer.predict(detector, datamodule=data, return_predictions=False)
    except preemption.Preempted:
        stop_others(trainer)
        raise
    trainer.strategy.barrier()
    if not trainer.is_global_zero:
        return {}
    _await(run, test.names)
    twin = None
    if detector.learns_from_twins:
        twin = make_twin(Generator(config.synthesis), train, index=0, seed=config.seed)[1]
    return _finish(
        config,
        run,
        detector=detector,
        normal=None if detector.supervised else train[0],
        twin=twin,
        test=test,
        logger=logger,
    )


def _use_cores(config: RunConfig) -> None:
    """Limit PyTorch's threads to the cores of this process, and note a limit on workers."""
    if config.train.workers > config.train.processes and rank() == 0:
        note(
            f"train.workers={config.train.workers}: {config.train.processes} are started, as "
            "many as this machine's cores, memory and shared memory bear"
        )
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(torch.get_num_threads(), available_cores()))


def _prepare(run: Run, detector: Detector, *, train: CloudDataset) -> None:
    """Load the stored state of a detector, or prepare a detector that has none.

    Raises:
        InputError: The stored state is damaged, or of another version.
    """
    if run.detector_file.is_file():
        run.restore(detector)
        return
    if (last := usable(run.all_checkpoints, say=False)) is not None:
        run.restore(detector, last)
    detector.prepare(train)


def _learn(run: Run, plan: Plan, *, made: Fit) -> None:
    """Fit and store the detector, or load it if the fit is finished."""
    if plan.fitted:
        run.restore(made.detector)  # again, as the file may have appeared since
        return
    made.learn(plan.checkpoint)
    if made.trainer.is_global_zero:
        made.detector.save(run.detector_file)
    preemption.check()


def _stored(run: Run) -> set[str]:
    """Return the file names, without ending, of the stored predictions."""
    return {path.stem for path in run.predictions.glob("*.npz")}


def _await(run: Run, names: Sequence[str]) -> None:
    """Wait until the predictions of all clouds appear, including those of other machines."""
    end = time.monotonic() + PATIENCE
    while missing := [name for name in names if file_stem(name) not in _stored(run)]:
        if time.monotonic() > end:
            raise InputError(
                f"{run.predictions}: {len(missing)} of {len(names)} clouds were not scored, the "
                f"first is {missing[0]}; do all machines share this folder?"
            )
        time.sleep(0.2)


def _finish(
    config: RunConfig,
    run: Run,
    *,
    detector: Detector,
    normal: Cloud | None,
    twin: Cloud | None,
    test: CloudDataset,
    logger: Any,
) -> dict[str, Any]:
    """Measure, draw and log in the first process, and return the figures."""
    predictions = list(load_predictions(run.predictions))
    data, rule = config.data, config.detector.object_rule
    figures = measure(
        predictions,
        rule,
        similar=similar_kinds(data),
        rescans=data.rescan,
        segmented=data.supervised,
        judge=detector.judge,
    )
    figures["peak_memory_mib"] = peak_resident()
    by_name = {prediction.name: prediction for prediction in predictions}
    chosen = choose(predictions, config.train.pictures)
    workers = config.train.processes
    pictures = draw_gallery(
        run.pictures,
        chosen,
        normal=normal,
        twin=twin,
        test=test,
        predictions=by_name,
        workers=workers,
    )
    if logger is not None:
        steps, file = detector.steps, run.detector_file
        show(
            logger,
            steps,
            name=config.name,
            figures=figures,
            predictions=predictions,
            pictures=pictures,
            test=test,
            detector=file,
        )
    run.write_scores(figures)
    return figures
