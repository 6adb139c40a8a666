"""Figures of each kind of rescan: a benign difference between scans should not change a verdict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gmanet.cloud import Doubles, Labels
from gmanet.datasets.rescan import kind_of
from gmanet.evaluation.predictions import Prediction
from gmanet.metrics.functional import auroc
from gmanet.verdict.judge import Judge

__all__ = ["CLEAN", "RATES", "clean_limit", "rescan_figures"]

CLEAN = "clean"
"""Kind of the clouds as they are, whose figures are those of the detector."""
SETTING_OF = {"noise2": "noisier"} | dict.fromkeys(
    ("half", "fifth", "outliers", "density"), "sparser"
)
"""Kind -> setting whose limit counts (``Gate.setting``); for other kinds that of the detector."""
RATES = ("object_auroc", "false_alarms", "finds")
"""Figures of a kind: AUROC within the kind, and the fractions of its good and of its defective
scans that score above the limit."""


def clean_limit(good: Doubles) -> float:
    """Return the object score above which a scan is called defective: the highest clean good one.

    Args:
        good: Object scores of clean good scans; without any, the limit is NaN.
    """
    return float(good.max()) if len(good) else float("nan")


def rescan_figures(
    predictions: Sequence[Prediction],
    score: Doubles,
    *,
    kinds: Sequence[str],
    judge: Judge | None = None,
) -> dict[str, dict[str, float]]:
    """Return the figures ``RATES`` of each kind, with the limit and the numbers of scans.

    Scans of unknown truth do not count.  The AUROC is NaN without good or without defective scans
    of the kind, a rate without scans to count or without clean good scans.

    Args:
        predictions: All scans, with the kind in the name.
        score: Object score of each scan.
        kinds: Kinds of ``data.rescan``.
        judge: Judge of the detector, which has a limit for each setting of the scanner; None for
            the highest clean good score.
    """
    kind = np.array([kind_of(prediction.name, kinds) for prediction in predictions])
    good = np.array([prediction.abnormal is False for prediction in predictions])
    bad = np.array([bool(prediction.abnormal) for prediction in predictions])
    clean = clean_limit(score[good & (kind == CLEAN)])
    limits = dict.fromkeys(kinds, clean)
    if judge is not None and judge.calibration is not None:
        found = {
            one: judge.settings.get(SETTING_OF.get(one, ""), judge.calibration) for one in kinds
        }
        limits = {one: calibration.limit for one, calibration in found.items()}
    return {
        one: _figures(score, kind == one, good=good, bad=bad, limit=limits[one]) for one in kinds
    }


def _figures(
    score: Doubles, chosen: Labels, *, good: Labels, bad: Labels, limit: float
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
    """Return the fraction of scores above the limit; NaN without scores or limit."""
    return float(np.mean(score > limit)) if len(score) and np.isfinite(limit) else float("nan")
