"""The logger of a run: W&B, offline by default, or TensorBoard.

Dashboards only show results; ``scores.json`` stores them.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger

from gmanet.errors import InputError
from gmanet.runtime.rank import rank
from gmanet.training.config import WandbConfig

__all__ = ["StepLogger", "identity", "make_logger"]

WAIT = 15.0
"""Timeout of W&B's start in online mode, in seconds."""


class StepLogger(WandbLogger):
    """A W&B logger whose steps are optimizer steps.

    By default W&B counts log calls, from 0 in every offline folder.  With optimizer steps the
    curves of an interrupted run continue where they stopped, on any axis.
    """

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log values at a step, in the first process only."""
        if rank() == 0:
            self.experiment.log({**metrics, "trainer/global_step": step}, step=step)


def make_logger(
    kind: str, config: WandbConfig, *, folder: Path, name: str, resolved: dict[str, Any]
) -> StepLogger | TensorBoardLogger | None:
    """Return the logger of a run, or None if disabled.

    Args:
        kind: ``wandb`` or ``tensorboard``.
        config: Settings of W&B.
        folder: The run's folder, in which loggers keep their files.
        name: The run's name.
        resolved: The run's configuration.

    Raises:
        InputError: The logger cannot be started: W&B online without a network or a key, or
            TensorBoard where it is not installed.
    """
    if kind == "tensorboard":
        return _tensorboard(folder, resolved)
    return (
        None if config.mode == "disabled" else _wandb(config, folder, name=name, resolved=resolved)
    )


def identity(name: str) -> str:
    """Return a run's name in the characters that W&B allows for runs and artifacts."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[-120:]


def _tensorboard(folder: Path, resolved: dict[str, Any]) -> TensorBoardLogger:
    try:
        logger = TensorBoardLogger(str(folder), name="tensorboard", version="")
    except ModuleNotFoundError:
        raise InputError(
            "train.logger=tensorboard: TensorBoard is not installed, wanted "
            "pip install -e '.[tensorboard]', or train.logger=wandb"
        ) from None
    logger.log_hyperparams(resolved)
    return logger


def _wandb(config: WandbConfig, folder: Path, *, name: str, resolved: dict[str, Any]) -> StepLogger:
    files = folder / "wandb"
    files.mkdir(parents=True, exist_ok=True)
    for variable in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_ARTIFACT_DIR"):
        os.environ.setdefault(variable, str(files))
    os.environ.setdefault("WANDB_SILENT", "true")
    logging.getLogger("wandb").setLevel(logging.ERROR)
    import wandb

    try:
        run = wandb.init(
            project=config.project,
            group=config.group or os.environ.get("WANDB_RUN_GROUP"),
            job_type=config.job or os.environ.get("WANDB_JOB_TYPE"),
            tags=[*config.tags, resolved["detector"]["name"], resolved["data"]["name"]],
            name=name,
            id=identity(name),
            resume="allow" if config.mode == "online" else None,
            mode=config.mode,  # type: ignore[arg-type]
            dir=str(folder),
            config=resolved,
            settings=wandb.Settings(silent=True, init_timeout=WAIT),
        )
    except Exception as error:  # W&B raises a different class for each way of having no network
        reason = " ".join(str(error).split())
        raise InputError(
            f"wandb.mode={config.mode}: W&B did not start ({type(error).__name__}: {reason}); "
            "wandb.mode=offline needs no network and no account"
        ) from None
    if config.mode == "offline":
        sys.stderr.write(f"W&B is offline; wandb sync {Path(run.dir).parent} uploads this run\n")
    return StepLogger(experiment=run)
