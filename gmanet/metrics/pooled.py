"""Metrics that pool scores over batches and processes, for curves during training.

The metrics store all scores and evaluate them with :mod:`gmanet.metrics.functional` at the end, so
that a curve on a dashboard agrees with a published figure.  The binary metrics of torchmetrics
return 0 instead of NaN if a class is missing, and by default apply a sigmoid to the scores if any
is outside [0, 1].
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection
from torchmetrics.utilities import dim_zero_cat

from gmanet.metrics.functional import auroc, average_precision

__all__ = ["PooledAUROC", "PooledAveragePrecision", "anomaly_metrics"]


def anomaly_metrics(**settings: Any) -> nn.ModuleDict:
    """Return the paper's four measures (section V-B) as two collections, ``object`` and ``point``.

    Their values are named ``object_auroc``, ``object_aupr``, ``point_auroc`` and ``point_aupr``.
    Each collection has a method ``update(score, label)``; both of its measures share the scores.

    Args:
        settings: Settings of ``torchmetrics.Metric``, such as ``sync_on_compute``.
    """
    return nn.ModuleDict(
        {
            level: MetricCollection(
                {"auroc": PooledAUROC(**settings), "aupr": PooledAveragePrecision(**settings)},
                prefix=f"{level}_",
            )
            for level in ("object", "point")
        }
    )


class _Pooled(Metric):
    """Base class: the scores and labels since the last reset."""

    full_state_update = False
    higher_is_better = True

    score: list[Tensor]
    label: list[Tensor]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.add_state("score", default=[], dist_reduce_fx="cat")
        self.add_state("label", default=[], dist_reduce_fx="cat")

    def update(self, score: Tensor, label: Tensor) -> None:
        """Add scores and labels.

        Args:
            score: Any finite values, higher is more abnormal, with shape ``(N,)``.
            label: True (or 1) where abnormal, with shape ``(N,)``.

        Raises:
            ValueError: The shapes differ or are not one-dimensional.
        """
        if score.ndim != 1 or score.shape != label.shape:
            raise ValueError(
                f"scores of shape {tuple(score.shape)} and labels of shape {tuple(label.shape)}"
            )
        # NumPy lacks bfloat16; doubles stay doubles.
        wide = torch.promote_types(score.dtype, torch.float32)
        self.score.append(score.detach().to(wide))
        self.label.append(label.detach().to(torch.uint8))

    def _gathered(self) -> tuple[Tensor, Tensor]:
        if len(self.score) == 0:
            return torch.zeros(0), torch.zeros(0)
        return dim_zero_cat(self.score).cpu(), dim_zero_cat(self.label).cpu()


class PooledAUROC(_Pooled):
    """Area under the receiver operating characteristic of all scores; NaN if a class is missing."""

    def compute(self) -> Tensor:
        """Return the area, a scalar tensor.

        Raises:
            ValueError: A score is not finite.
        """
        score, label = self._gathered()
        return torch.tensor(auroc(score.numpy(), label.numpy()), device=self.device)


class PooledAveragePrecision(_Pooled):
    """Average precision of all scores; NaN if a class is missing."""

    def compute(self) -> Tensor:
        """Return the average precision, a scalar tensor.

        Raises:
            ValueError: A score is not finite.
        """
        score, label = self._gathered()
        value = average_precision(score.numpy(), label.numpy())
        return torch.tensor(value, device=self.device)
