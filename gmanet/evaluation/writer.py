"""First pass of an evaluation: a callback that stores the scores of each cloud."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from gmanet.cloud import Cloud
from gmanet.evaluation.predictions import predict_cloud

__all__ = ["StorePredictions"]


class StorePredictions(Callback):
    """Callback that writes the prediction of each cloud as soon as it is scored.

    Args:
        folder: Folder of the predictions.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start = 0.0
        self.threads = torch.get_num_threads()

    def on_predict_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Limit PyTorch to one thread: data workers do most of the work."""
        if trainer.datamodule.workers:  # type: ignore[attr-defined]
            self.threads = torch.get_num_threads()
            torch.set_num_threads(1)

    def on_predict_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Restore the number of threads."""
        if trainer.datamodule.workers:  # type: ignore[attr-defined]
            torch.set_num_threads(self.threads)

    def on_exception(self, trainer: Trainer, *_: Any) -> None:
        """Restore the number of threads after an error."""
        torch.set_num_threads(self.threads)

    def on_predict_batch_start(self, *_: Any) -> None:
        """Start the clock."""
        self.start = time.perf_counter()

    def on_predict_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Write the prediction of a cloud."""
        points, whole = outputs
        seconds = float(batch.seconds) + time.perf_counter() - self.start
        label = batch.label.cpu().numpy() if batch.labelled else None
        cloud = Cloud(batch.pos.cpu().numpy(), label, name=batch.name, defect=batch.defect or None)
        predict_cloud(cloud, points.cpu().numpy(), seconds=seconds, whole=float(whole)).save(
            self.folder
        )
