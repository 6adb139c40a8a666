r"""Measures of a segmentation into two classes, pooled over all points.

With the points :math:`T_c` of a class :math:`c`, those that are predicted to be of it :math:`P_c`,
and both :math:`I_c`, the intersection over union is :math:`I_c / (T_c + P_c - I_c)` and the
accuracy :math:`I_c / T_c`; ``miou`` and ``macc`` are their means over the classes, and ``allacc``
is :math:`\sum_c I_c / \sum_c T_c` (Section V-F of the paper, Table X).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

__all__ = ["SEGMENTATION", "Segmentation"]

SEGMENTATION = (
    *("miou", "macc", "allacc"),
    *("iou_normal", "accuracy_normal", "iou_abnormal", "accuracy_abnormal"),
)
"""Names of the measures, in the order of Table X."""


class Segmentation(Metric):
    """Counts of points by class, and the measures of Table X.

    Measures of a class without points, true or predicted, are NaN.
    """

    full_state_update = False
    higher_is_better = True

    both: Tensor
    predicted: Tensor
    true: Tensor

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name in ("both", "predicted", "true"):
            zeros = torch.zeros(2, dtype=torch.int64)
            self.add_state(name, default=zeros, dist_reduce_fx="sum")

    def update(self, predicted: Tensor, true: Tensor) -> None:
        """Add points.

        Args:
            predicted: Whether each point is called abnormal, with shape ``(N,)``, bool.
            true: Whether it is abnormal, with shape ``(N,)``, bool.

        Raises:
            ValueError: The shapes differ or are not one-dimensional.
        """
        if predicted.ndim != 1 or predicted.shape != true.shape:
            raise ValueError(
                f"predictions of shape {tuple(predicted.shape)} and labels of shape "
                f"{tuple(true.shape)}"
            )
        found, wanted = predicted.bool(), true.bool()
        self.both += torch.stack([(~found & ~wanted).sum(), (found & wanted).sum()])
        self.predicted += torch.stack([(~found).sum(), found.sum()])
        self.true += torch.stack([(~wanted).sum(), wanted.sum()])

    def compute(self) -> dict[str, Tensor]:
        """Return the measures, :data:`SEGMENTATION`, as scalar tensors."""
        both, true = self.both.double(), self.true.double()
        iou = both / (true + self.predicted - both)
        accuracy = both / true
        values = (iou.mean(), accuracy.mean(), both.sum() / true.sum())
        classes = (iou[0], accuracy[0], iou[1], accuracy[1])
        return dict(zip(SEGMENTATION, (*values, *classes), strict=True))
