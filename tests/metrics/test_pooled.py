"""Pooled metrics over several updates, against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from gmanet.metrics.pooled import PooledAUROC, PooledAveragePrecision, anomaly_metrics


def scored(scale, step):
    generator = np.random.default_rng(0)
    label = generator.random(400) < 0.2
    score = (generator.normal(size=400) + label).astype(np.float32)
    return np.round(score / step).astype(np.float32) * np.float32(scale * step), label


@pytest.mark.parametrize(("scale", "step"), [(1, 1e-6), (1, 0.5), (1e20, 0.5), (-1, 1), (1e-20, 1)])
@pytest.mark.parametrize("updates", [1, 7])
def test_updates_pool_to_what_scikit_learn_says(scale, step, updates):
    score, label = scored(scale, step)
    area, precision = PooledAUROC(), PooledAveragePrecision()
    for part in np.array_split(np.arange(400), updates):
        for metric in (area, precision):
            metric.update(torch.from_numpy(score[part]), torch.from_numpy(label[part]))
    assert area.compute().item() == pytest.approx(roc_auc_score(label, score), abs=1e-6)
    wanted = average_precision_score(label, score)
    assert precision.compute().item() == pytest.approx(wanted, abs=1e-6)


def test_scores_beyond_one_are_not_squashed():
    metric = PooledAUROC()
    metric.update(torch.tensor([0.6, 0.9, 0.15]), torch.tensor([0, 0, 0]))
    metric.update(torch.tensor([0.95, 1.2]), torch.tensor([1, 1]))
    assert metric.compute().item() == 1.0


def test_four_named_values_and_shared_scores():
    metrics = anomaly_metrics()
    for level, size in (("object", 40), ("point", 400)):
        score, label = scored(1, 0.5)
        for half in (slice(0, size // 2), slice(size // 2, size)):
            metrics[level].update(torch.from_numpy(score[half]), torch.from_numpy(label[half]))
    values = {**metrics["object"].compute(), **metrics["point"].compute()}
    assert set(values) == {"object_auroc", "object_aupr", "point_auroc", "point_aupr"}
    score, label = scored(1, 0.5)
    assert values["point_auroc"].item() == pytest.approx(roc_auc_score(label, score), abs=1e-6)
    precision = average_precision_score(label[:40], score[:40])
    assert values["object_aupr"].item() == pytest.approx(precision, abs=1e-6)
    assert list(metrics["point"].compute_groups.values()) == [["aupr", "auroc"]]


def test_reset_forgets():
    metric = PooledAUROC()
    metric.update(torch.tensor([1.0, 2.0]), torch.tensor([True, False]))
    assert metric.compute().item() == 0.0
    metric.reset()
    metric.update(torch.tensor([1.0, 2.0]), torch.tensor([False, True]))
    assert metric.compute().item() == 1.0


def test_missing_class_gives_nan():
    metric = PooledAveragePrecision()
    metric.update(torch.tensor([1.0, 2.0]), torch.tensor([0, 0]))
    assert math.isnan(metric.compute().item())


def test_half_precision_and_doubles_keep_their_order():
    metric = PooledAUROC()
    metric.update(torch.tensor([1.0, 2.0], dtype=torch.bfloat16), torch.tensor([0, 1]))
    assert metric.compute().item() == 1.0
    metric.reset()
    metric.update(torch.tensor([1.0, 1.0 + 1e-12], dtype=torch.float64), torch.tensor([0, 1]))
    assert metric.compute().item() == 1.0


def test_unusable_values_are_refused():
    metric = PooledAUROC()
    with pytest.raises(ValueError, match="shape"):
        metric.update(torch.zeros(3), torch.zeros(2))
    metric.update(torch.tensor([1.0, float("nan")]), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="finite"):
        metric.compute()
