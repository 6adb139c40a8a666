"""Figures of each kind of rescan: a benign difference between scans must not change the verdict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Labels
from gmanet.datasets.rescan import kind_of
from gmanet.evaluation.predictions import Prediction
from gmanet.metrics.functional import auroc

__all__ = ["RATES", "clean_limit", "rescan_figures"]

Doubles = npt.NDArray[np.float64]

RATES = ("object_auroc", "false_alarms", "finds")
"""Figures of a kind: AUROC within the kind, and the shares of its good and of its defective scans
above the limit of the clean scans."""


def clean_limit(good: Doubles) -> float:
    """Return the object score above which a scan is called defective: the highest clean good one.

    Args:
        good: Object scores of clean good scans; NaN is returned where there are none.
    """
    return float(good.max()) if len(good) else float("nan")


def rescan_figures(
    predictions: Sequence[Prediction], score: Doubles, kinds: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return the figures ``RATES`` of each kind, with the limit and the numbers of scans.

    Scans of unknown truth do not count.  A figure is NaN where scans are missing that it needs, the
    two rates also without clean good scans.

    Args:
        predictions: All scans.
        score: The object score of each.
        kinds: Kinds of ``data.rescan``, which the names of the predictions tell.
    """
    kind = np.array([kind_of(prediction.name, kinds) for prediction in predictions])
    good = np.array([prediction.abnormal is False for prediction in predictions])
    bad = np.array([bool(prediction.abnormal) for prediction in predictions])
    limit = clean_limit(score[good & (kind == "clean")])
    return {one: _figures(score, kind == one, good, bad, limit) for one in kinds}


def _figures(
    score: Doubles, chosen: Labels, good: Labels, bad: Labels, limit: float
) -> dict[str, float]:
    known = chosen & (good | bad)
    return {
        "object_auroc": auroc(score[known], bad[known]),
        "false_alarms": _above(score[chosen & good], limit),
        "finds": _above(score[chosen & bad], limit),
        "limit": limit,
        "n_good": int((chosen & good).sum()),
        "n_defective": int((chosen & bad).sum()),
    }


def _above(score: Doubles, limit: float) -> float:
    """Return the share of scores above the limit; NaN without scores or limit."""
    return float(np.mean(score > limit)) if len(score) and np.isfinite(limit) else float("nan")
