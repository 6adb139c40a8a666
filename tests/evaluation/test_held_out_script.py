"""Thresholds of unsupervised detectors on the clouds of Table X."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.evaluation.predictions import Prediction

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "experiments" / "held_out.py"))


def iou(called, label):
    return (called & label).sum() / (called | label).sum()


@given(st.integers(0, 2**31), st.integers(2, 40))
@settings(max_examples=25, deadline=None)
def test_no_threshold_is_better(seed, count):
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 6, count).astype(np.float32)
    label = rng.random(count) < 0.4
    label[0] = True
    found = iou(score >= SCRIPT["best_threshold"](score, label), label)
    assert found == pytest.approx(max(iou(score >= limit, label) for limit in set(score)))


def test_thresholds_come_from_the_train_clouds_of_each_part():
    clouds = {}
    for part, scale in (("nut", 1.0), ("bolt", 100.0)):
        for number in range(3):
            label = np.arange(10) < 3
            score = (scale * (label + 0.1 * np.arange(10) / 10)).astype(np.float32)
            clouds[f"{part}/{number}"] = Prediction(name=str(number), score=score, label=label)
    train = [name for name in clouds if not name.endswith("2")]
    limits = SCRIPT["chosen_limits"](clouds, train)
    assert 0.1 < limits["nut"] <= 1.0 < 10 < limits["bolt"] <= 100
    found = SCRIPT["figures_of"](clouds, ["nut/2", "bolt/2"], limits=limits)
    assert set(found.values()) == {1.0}
