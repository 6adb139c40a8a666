"""Second pass of an evaluation: figures, measured from stored predictions (Section V.A).

Points of all clouds are pooled at full resolution.  Figures of objects use the clouds with a known
kind, figures of points those with point labels.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from gmanet.cloud import Labels
from gmanet.datasets.rescan import kind_of
from gmanet.detectors.config import OBJECT_RULES
from gmanet.detectors.scores import object_score
from gmanet.evaluation.predictions import Prediction
from gmanet.evaluation.rescans import CLEAN, rescan_figures
from gmanet.metrics.functional import aupro, auroc, average_precision
from gmanet.metrics.segmentation import Segmentation
from gmanet.verdict.calibration import Calibration
from gmanet.verdict.judge import Judge

__all__ = ["FIGURES", "Figures", "measure"]

Figures = dict[str, float]

FIGURES = ("object_auroc", "object_aupr", "point_auroc", "point_aupr", "point_aupro")
"""Names of the paper's four metrics and of MVTec 3D-AD's per-region overlap, up to a false positive
rate of 0.3."""

HALF = 0.5
"""Probability above which a point is called abnormal: the larger of two."""


def measure(
    predictions: Sequence[Prediction],
    rule: str,
    *,
    similar: Collection[str] = (),
    rescans: Sequence[str] = (),
    segmented: bool = False,
    judge: Judge | None = None,
) -> dict[str, object]:
    """Return the content of ``scores.json``.

    Args:
        predictions: Predictions of all test clouds of a category.
        rule: Object rule of the detector, for predictions without an object score.
        similar: Kinds of defects whose figures are measured as a group.
        rescans: Kinds of rescans, ``data.rescan``.
        segmented: Whether scores are probabilities, so that points above a half are called
            abnormal.
        judge: Judge of the detector, which has the limits; None for none.

    Returns:
        The figures of all clouds, with ``segmented`` also ``SEGMENTATION``, those of objects by
        each rule under ``rules``, by each kind of defect under ``defects``, and of similar and
        other kinds under ``groups``; false alarms and finds at the detector's limit under
        ``limit``; ``n_clouds``, ``n_points``, ``seconds_per_cloud``.  All these are measured on the
        clean clouds alone if ``clean`` is among the rescans.  Figures of each kind of rescan under
        ``rescans``, and the score of each object under ``objects``.
    """
    objects = {
        name: np.array([_object(prediction, share) for prediction in predictions])
        for name, share in OBJECT_RULES.items()
    }
    stored = np.array([prediction.whole for prediction in predictions])
    whole = np.where(np.isnan(stored), objects[rule], stored)
    kept = _headline(predictions, rescans)
    own, score = [predictions[row] for row in kept], whole[kept]
    truth = np.array([bool(prediction.abnormal) for prediction in own])
    known = np.array([prediction.abnormal is not None for prediction in own])
    figures: dict[str, object] = {**_object_figures(score, truth, known=known)}
    figures.update(_point_figures(own))
    if segmented:
        figures.update(_segmentation_figures(own))
    figures["rules"] = {
        name: _object_figures(values[kept], truth, known=known) for name, values in objects.items()
    }
    kinds = sorted({p.defect for p in own} - {"", "good"})
    figures["defects"] = {
        kind: _kind_figures(own, score, kinds={kind}, segmented=segmented) for kind in kinds
    }
    if similar:
        groups = {"similar": set(kinds) & set(similar), "other": set(kinds) - set(similar)}
        figures["groups"] = {
            name: _kind_figures(own, score, kinds=group) for name, group in groups.items() if group
        }
    if rescans:
        figures["rescans"] = rescan_figures(predictions, whole, kinds=rescans, judge=judge)
    if judge is not None and judge.calibration is not None:
        figures["limit"] = _at_limit(own, score, calibration=judge.calibration)
    figures["n_clouds"] = len(own)
    figures["n_points"] = sum(len(prediction.score) for prediction in own)
    figures["seconds_per_cloud"] = float(np.mean([prediction.seconds for prediction in own]))
    figures["objects"] = {
        prediction.name: round(float(value), 6)
        for prediction, value in zip(predictions, whole, strict=True)
    }
    return figures


def _headline(predictions: Sequence[Prediction], rescans: Sequence[str]) -> list[int]:
    """Return the rows of the clouds to measure: clean ones if these are among the rescans."""
    rows = range(len(predictions))
    if CLEAN not in rescans:
        return list(rows)
    return [row for row in rows if kind_of(predictions[row].name, rescans) == CLEAN]


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


def _segmentation_figures(predictions: Sequence[Prediction]) -> Figures:
    """Return the measures of a segmentation of the clouds with labels."""
    pooled = Segmentation(sync_on_compute=False)  # one process measures
    for prediction in predictions:
        if prediction.label is not None:
            called = torch.from_numpy(prediction.score > HALF)
            pooled.update(called, torch.from_numpy(prediction.label))
    return {name: float(value) for name, value in pooled.compute().items()}


def _at_limit(
    predictions: Sequence[Prediction], score: np.ndarray, *, calibration: Calibration
) -> dict[str, object]:
    """Return the limit, and the shares of good clouds and of each kind of defect above it."""
    above = score > calibration.limit
    kind = np.array([prediction.defect for prediction in predictions])
    shares = {name: float(above[kind == name].mean()) for name in sorted({*kind.tolist()} - {""})}
    defective = (kind != "good") & (kind != "")
    return {
        "score": calibration.limit,
        "promised": calibration.promised,
        "normals": calibration.normals,
        "false_alarms": shares.pop("good", None),
        "found": float(above[defective].mean()) if defective.any() else None,
        "defects": shares,
    }


def _kind_figures(
    predictions: Sequence[Prediction],
    score: np.ndarray,
    *,
    kinds: Collection[str],
    segmented: bool = False,
) -> Figures:
    """Return the figures of some kinds of defects.

    Object figures compare clouds of these kinds with good clouds; point figures are measured on
    clouds of these kinds alone.
    """
    truth = np.array([p.defect in kinds for p in predictions])
    chosen = truth | np.array([p.defect == "good" for p in predictions])
    clouds = [p for p in predictions if p.defect in kinds]
    points = _point_figures(clouds)
    if segmented:
        points |= _segmentation_figures(clouds)
    return {**_object_figures(score, truth, known=chosen), **points, "n_clouds": int(truth.sum())}
