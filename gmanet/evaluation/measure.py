"""Second pass of an evaluation: figures, measured from stored predictions (Section V.A).

Points of all clouds are pooled at full resolution.  Figures of objects use the clouds with a known
kind, figures of points those with point labels.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from gmanet.cloud import Labels
from gmanet.detectors.base import object_score
from gmanet.detectors.config import OBJECT_RULES
from gmanet.evaluation.predictions import Prediction
from gmanet.metrics.functional import aupro, auroc, average_precision

__all__ = ["FIGURES", "Figures", "measure"]

Figures = dict[str, float]

FIGURES = ("object_auroc", "object_aupr", "point_auroc", "point_aupr", "point_aupro")
"""Names of the paper's four metrics and of MVTec 3D-AD's per-region overlap, up to a false positive
rate of 0.3."""


def measure(
    predictions: Sequence[Prediction], rule: str, *, similar: Collection[str] = ()
) -> dict[str, object]:
    """Return the content of ``scores.json``.

    Args:
        predictions: Predictions of all test clouds of a category.
        rule: Object rule of the detector, for predictions without an object score.
        similar: Kinds of defects whose figures are measured as a group.

    Returns:
        The figures of all clouds, those of objects by each rule under ``rules``, by each kind of
        defect under ``defects``, and of similar and other kinds under ``groups``; ``n_clouds``,
        ``n_points``, ``seconds_per_cloud``, and the score of each object under ``objects``.
    """
    objects = {
        name: np.array([_object(prediction, share) for prediction in predictions])
        for name, share in OBJECT_RULES.items()
    }
    stored = np.array([prediction.whole for prediction in predictions])
    whole = np.where(np.isnan(stored), objects[rule], stored)
    truth = np.array([bool(prediction.abnormal) for prediction in predictions])
    known = np.array([prediction.abnormal is not None for prediction in predictions])
    figures: dict[str, object] = {**_object_figures(whole, truth, known=known)}
    figures.update(_point_figures(predictions))
    figures["rules"] = {
        name: _object_figures(score, truth, known=known) for name, score in objects.items()
    }
    kinds = sorted({p.defect for p in predictions} - {"", "good"})
    figures["defects"] = {kind: _kind_figures(predictions, whole, kinds={kind}) for kind in kinds}
    if similar:
        groups = {"similar": set(kinds) & set(similar), "other": set(kinds) - set(similar)}
        figures["groups"] = {
            name: _kind_figures(predictions, whole, kinds=group)
            for name, group in groups.items()
            if group
        }
    figures["n_clouds"] = len(predictions)
    figures["n_points"] = sum(len(prediction.score) for prediction in predictions)
    seconds = [prediction.seconds for prediction in predictions]
    figures["seconds_per_cloud"] = float(np.mean(seconds))
    figures["objects"] = {
        prediction.name: round(float(score), 6)
        for prediction, score in zip(predictions, whole, strict=True)
    }
    return figures


def _object(prediction: Prediction, share: float) -> float:
    return float(object_score(torch.from_numpy(prediction.score), share))


def _object_figures(score: np.ndarray, truth: Labels, *, known: Labels) -> Figures:
    score, truth = score[known], truth[known]
    return {
        "object_auroc": auroc(score, truth),
        "object_aupr": average_precision(score, truth),
    }


def _point_figures(predictions: Sequence[Prediction]) -> Figures:
    """Return the point figures of the clouds with labels; NaN if there are none."""
    labelled = [p for p in predictions if p.label is not None and p.region is not None]
    if not labelled:
        return dict.fromkeys(FIGURES[2:], float("nan"))
    score = np.concatenate([p.score for p in labelled])
    label = np.concatenate([p.label for p in labelled if p.label is not None])
    parts = [p.region for p in labelled if p.region is not None]
    return {
        "point_auroc": auroc(score, label),
        "point_aupr": average_precision(score, label),
        "point_aupro": aupro([p.score for p in labelled], parts),
    }


def _kind_figures(
    predictions: Sequence[Prediction], score: np.ndarray, *, kinds: Collection[str]
) -> Figures:
    """Return the figures of some kinds of defects.

    Object figures compare clouds of these kinds with good clouds; point figures are measured on
    clouds of these kinds alone.
    """
    truth = np.array([p.defect in kinds for p in predictions])
    chosen = truth | np.array([p.defect == "good" for p in predictions])
    points = _point_figures([p for p in predictions if p.defect in kinds])
    return {**_object_figures(score, truth, known=chosen), **points, "n_clouds": int(truth.sum())}
