"""ROC and precision-recall curves, subsampled for a dashboard."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Curves", "curves"]

DRAWN = 500
"""Largest number of thresholds of a drawn curve."""


class Curves(NamedTuple):
    """Rates at falling thresholds, each with shape ``(T,)``: how ROC and PR curves are drawn."""

    recall: npt.NDArray[np.float64]
    false_alarms: npt.NDArray[np.float64]
    precision: npt.NDArray[np.float64]


def curves(score: npt.ArrayLike, label: npt.ArrayLike, *, drawn: int = DRAWN) -> Curves | None:
    """Return both curves of scores at distinct thresholds; None if a class is missing.

    Args:
        score: Any finite values, higher is more abnormal, with shape ``(N,)``.
        label: True where abnormal, with shape ``(N,)``.
        drawn: Largest number of thresholds, evenly spaced over recall and false alarms.
    """
    value, abnormal = np.asarray(score), np.asarray(label, dtype=bool)
    if abnormal.all() or not abnormal.any():
        return None
    order = np.argsort(-value, kind="stable")
    value, found = value[order], np.cumsum(abnormal[order])
    last = np.append(np.flatnonzero(np.diff(value)), len(value) - 1)  # equal scores come together
    found, total = found[last], last + 1
    recall = found / found[-1]
    false_alarms = (total - found) / (len(value) - found[-1])
    if len(last) > drawn:
        reached = np.linspace(0, 2, drawn)
        keep = np.unique(np.searchsorted(recall + false_alarms, reached).clip(0, len(last) - 1))
        recall, false_alarms, found, total = (
            part[keep] for part in (recall, false_alarms, found, total)
        )
    return Curves(recall, false_alarms, precision=found / total)
