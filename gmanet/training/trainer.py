"""The Lightning trainer of a run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
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
"""Number of processes that is allowed on any machine, to try out distributed runs on few cores."""


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
        detector: The detector, which gives the number of steps.
        config: Settings of hardware and processes.
        folder: The run's folder, also for the checkpoints under Slurm.
        logger: Logger of curves; None for none.
        epochs: Number of passes over the training set that all steps need.
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
        rank_zero_only.rank = 0  # type: ignore[attr-defined]  # the environment may be another run's
    save = ModelCheckpoint(
        folder / "checkpoints",
        filename="last",
        every_n_epochs=config.checkpoint_every,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    learns = any(parameter.requires_grad for parameter in detector.parameters())
    stop = [StopWhenAsked(str(folder / "checkpoints/last.ckpt"))] if detector.steps else []
    # every operation writes all that it allocates; results are the same without NaN written first
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
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
    """Replace Lightning's errors on accelerator and devices by an InputError."""
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
    """Silence Lightning's warnings about deliberate choices."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    for message in (
        ".*does not have many workers.*",  # draws cost less than their transfer
        ".*in eval mode at the start of training.*",  # the expert
        ".*exists and is not empty.*",  # checkpoints of the run that is resumed
        ".*ended before the epoch ended.*",  # the sampler resumes within an epoch
        ".*fit loop was skipped.*",
        ".*srun. command is available.*",  # a login node
        ".*but have no `validation_step`.*",  # memory banks
        ".*this fit will run with no optimizer.*",  # likewise
        ".*smaller than the logging interval.*",  # few twins
        ".*LeafSpec.*deprecated.*",  # Lightning 2.6 on torch 2.13
    ):
        warnings.filterwarnings("ignore", message)
