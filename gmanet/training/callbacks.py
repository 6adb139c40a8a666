"""Callbacks: metrics on the dashboard and one progress bar."""

from __future__ import annotations

import math
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch_geometric.data import Data
from torchmetrics import Metric
from tqdm import tqdm

from gmanet.metrics.pooled import anomaly_metrics

__all__ = ["AnomalyMetrics", "ProgressBar"]


class AnomalyMetrics(Callback):
    """Callback that logs metrics of the synthetic validation clouds as ``val/*``, for curves.

    Figures of the test clouds are measured from stored predictions instead.
    """

    def __init__(self) -> None:
        # Every process scores the same clouds; besides, NCCL cannot gather tensors on the CPU.
        metrics = anomaly_metrics(sync_on_compute=False)
        self.metrics: dict[str, Metric] = dict(metrics.items())  # type: ignore[arg-type]

    def _update(self, points: Tensor, whole: Tensor, *, record: Data) -> None:
        self.metrics["object"].update(whole.cpu()[None], torch.tensor([record.defect != "good"]))
        if record.labelled:
            self.metrics["point"].update(points.cpu(), record.label.cpu())

    def _compute(self, stage: str) -> dict[str, float]:
        values: dict[str, float] = {}
        for level in ("object", "point"):
            found: dict[str, Tensor] = self.metrics[level].compute()
            values.update({f"{stage}/{name}": float(value) for name, value in found.items()})
            self.metrics[level].reset()
        return {name: value for name, value in values.items() if not math.isnan(value)}

    def on_validation_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Add the scores of a cloud."""
        points, whole = outputs
        self._update(points, whole, record=batch)

    def on_validation_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Log the figures of the synthetic validation clouds."""
        module.log_dict(self._compute("val"))


class ProgressBar(Callback):
    """A progress bar for the fit and one for the prediction, drawn by the first process.

    Args:
        shown: Whether bars are drawn.
    """

    def __init__(self, shown: bool = True) -> None:
        self.shown = shown
        self.bar: Any = None

    def _open(self, trainer: Trainer, name: str, *, total: int, done: int, unit: str) -> None:
        hidden = not (self.shown and trainer.is_global_zero)
        self.bar = tqdm(
            desc=name, total=total, initial=done, unit=unit, mininterval=0.5, disable=hidden
        )

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Open the bar of the fit; that of a resumed fit begins at the stored step."""
        total = trainer.max_steps if trainer.max_steps > 0 else int(trainer.num_training_batches)
        self._open(trainer, "fit", total=total, done=trainer.global_step, unit="step")

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Advance by one step and show the loss."""
        if isinstance(outputs, dict) and "loss" in outputs:
            self.bar.set_postfix(loss=f"{float(outputs['loss']):.3f}", refresh=False)
        self.bar.update(1)

    def on_train_end(self, *_: Any) -> None:
        """Close the bar."""
        self._close()

    def on_predict_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Open the bar of the prediction."""
        self._open(
            trainer, "score", total=int(sum(trainer.num_predict_batches)), done=0, unit="cloud"
        )

    def on_predict_batch_end(self, *_: Any) -> None:
        """Advance by one cloud."""
        self.bar.update(1)

    def on_predict_end(self, *_: Any) -> None:
        """Close the bar."""
        self._close()

    def on_exception(self, *_: Any) -> None:
        """Leave the terminal in order."""
        self._close()
