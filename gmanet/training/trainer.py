"""The Lightning trainer of a run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lightning import Callback, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from gmanet.detectors.base import Detector
from gmanet.errors import InputError
from gmanet.runtime.cores import available_cores
from gmanet.training.callbacks import AnomalyMetrics, ProgressBar
from gmanet.training.checkpoints import WholeCheckpoints
from gmanet.training.config import TrainConfig
from gmanet.training.distributed import BankStrategy, StopWhenAsked

__all__ = ["make_trainer"]

FEW = 4
"""Processes that may share fewer cores, to try out how several work together."""


def make_trainer(
    detector: Detector,
    config: TrainConfig,
    *,
    folder: Path,
    logger: Logger | None,
    epochs: int,
    callbacks: list[Callback] | None = None,
    progress: bool = True,
) -> Trainer:
    """Return the trainer that fits and scores with a detector.

    Args:
        detector: Says how many steps it takes.
        config: Where and how to compute.
        folder: The run's own folder; Slurm's checkpoints go there too.
        logger: Where curves go, if anywhere.
        epochs: Passes over the train data that the detector's steps amount to.
        callbacks: Further callbacks.
        progress: Whether to show progress bars.

    Raises:
        InputError: The machine has no such accelerator, or fewer devices.
    """
    _quiet()
    if config.accelerator == "cpu" and config.devices > max(FEW, available_cores()):
        raise InputError(
            f"train.devices={config.devices} on a cpu with {available_cores()} cores, wanted no "
            "more than that"
        )
    if config.world == 1:
        rank_zero_only.rank = 0  # type: ignore[attr-defined]  # read from an environment that may be another run's
    save = ModelCheckpoint(
        folder / "checkpoints",
        filename="last",
        every_n_epochs=config.checkpoint_every,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    learns = any(parameter.requires_grad for parameter in detector.parameters())
    stop = [StopWhenAsked(str(folder / "checkpoints/last.ckpt"))] if detector.steps else []
    with _sentence(config):
        return Trainer(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.nodes,
            strategy="auto" if config.world == 1 else "ddp" if learns else BankStrategy(),
            precision=config.precision,  # type: ignore[arg-type]
            accumulate_grad_batches=config.accumulate if detector.steps else 1,
            max_epochs=-1 if detector.steps else epochs,
            max_steps=detector.steps or -1,
            check_val_every_n_epoch=max(1, epochs // config.curve) if config.curve > 0 else 1,
            num_sanity_val_steps=0,
            log_every_n_steps=10,
            logger=logger or False,
            callbacks=[save, AnomalyMetrics(), ProgressBar(progress), *stop, *(callbacks or [])],
            default_root_dir=folder,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            deterministic=True,
            plugins=[WholeCheckpoints()],
        )


@contextmanager
def _sentence(config: TrainConfig) -> Iterator[None]:
    """Turn what Lightning says of a wrong accelerator or number of devices into a sentence."""
    try:
        yield
    except (MisconfigurationException, ValueError, RuntimeError, ImportError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"train.accelerator={config.accelerator} with train.devices={config.devices}: "
            f"{reason.rstrip('.')}; wanted what this machine has, such as train.accelerator=cpu "
            "train.devices=1"
        ) from None


def _quiet() -> None:
    """Silence what Lightning says about choices that were made on purpose."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    for message in (
        ".*does not have many workers.*",  # draws are cheaper than sending them between processes
        ".*in eval mode at the start of training.*",  # the expert
        ".*exists and is not empty.*",  # checkpoints of the run that is resumed
        ".*ended before the epoch ended.*",  # the sampler goes on with the batch that was next
        ".*fit loop was skipped.*",
        ".*srun. command is available.*",  # a login node
        ".*but have no `validation_step`.*",  # memory banks
        ".*this fit will run with no optimizer.*",  # likewise
        ".*smaller than the logging interval.*",  # few twins
        ".*LeafSpec.*deprecated.*",  # Lightning 2.6 on torch 2.13
    ):
        warnings.filterwarnings("ignore", message)
