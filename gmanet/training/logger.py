"""The W&B logger: offline unless told otherwise; ``scores.json`` is the record, W&B the view."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger

from gmanet.cloud import Floats, Labels
from gmanet.errors import InputError
from gmanet.training.config import WandbConfig

__all__ = ["log_cloud", "log_pictures", "make_logger"]

SHOWN = 50_000
"""Points of the cloud that W&B draws; its viewer stalls above a few hundred thousand."""


def make_logger(
    config: WandbConfig, folder: Path, name: str, resolved: dict[str, Any]
) -> WandbLogger | None:
    """Return the logger of a run, or None if disabled.

    Args:
        config: How to log.
        folder: The run's folder; W&B keeps its files in ``wandb`` there, never in the home.
        name: The run's name; with "/" as "-" it is the W&B id, so a resumed run continues its own.
        resolved: The run's configuration.

    Raises:
        InputError: W&B cannot be started, as online without a network or a key.
    """
    if config.mode == "disabled":
        return None
    files = folder / "wandb"
    files.mkdir(parents=True, exist_ok=True)
    for variable in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_ARTIFACT_DIR"):
        os.environ.setdefault(variable, str(files))
    os.environ.setdefault("WANDB_SILENT", "true")
    logging.getLogger("wandb").setLevel(logging.ERROR)
    import wandb

    identity = name.replace("/", "-")[-120:]
    try:
        run = wandb.init(
            project=config.project,
            group=config.group,
            tags=list(config.tags),
            name=name,
            id=identity,
            resume="allow" if config.mode == "online" else None,
            mode=config.mode,  # type: ignore[arg-type]
            dir=str(folder),
            config=resolved,
            settings=wandb.Settings(silent=True, init_timeout=25),
        )
    except Exception as error:  # W&B raises a different class for each way of having no network
        raise InputError(
            f"wandb.mode={config.mode}: W&B did not start ({type(error).__name__}: {error}); "
            "wandb.mode=offline needs no network and no account"
        ) from None
    return WandbLogger(experiment=run)


def log_pictures(logger: WandbLogger | None, pictures: list[Path]) -> None:
    """Show pictures on the dashboard."""
    if logger is not None and pictures:
        images = [str(path) for path in pictures]
        logger.log_image("pictures", images, caption=[path.stem for path in pictures])


def log_cloud(
    logger: WandbLogger | None, key: str, pos: Floats, color: Any, label: Labels | None = None
) -> None:
    """Show one colored cloud on the dashboard, to be turned with the mouse.

    Args:
        logger: None logs nothing.
        key: Name on the dashboard.
        pos: Points, with shape ``(N, 3)``.
        color: Red, green and blue from 0 to 255, with shape ``(N, 3)``.
        label: Points that must not be thinned away, with shape ``(N,)``.
    """
    if logger is None:
        return
    import numpy as np
    import wandb

    step = -(-len(pos) // SHOWN)
    keep = np.arange(len(pos)) % step == 0
    if label is not None:
        keep |= label
    colored = np.concatenate([pos[keep], np.asarray(color)[keep].astype(np.float32)], axis=1)
    logger.experiment.log({key: wandb.Object3D(colored)})
