"""Measures of Table X against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, jaccard_score, recall_score

from gmanet.metrics.segmentation import SEGMENTATION, Segmentation


@given(st.integers(2, 60), st.integers(0, 2**31), st.floats(0.1, 0.9))
@settings(max_examples=25, deadline=None)
def test_measures_are_those_of_scikit_learn_over_all_batches(count, seed, share):
    rng = np.random.default_rng(seed)
    found, wanted = rng.random((2, count)) < share
    wanted[:2] = [False, True]
    metric, middle = Segmentation(), count // 2
    for part in (slice(middle), slice(middle, None)):
        metric.update(torch.from_numpy(found[part]), torch.from_numpy(wanted[part]))
    values = {name: float(value) for name, value in metric.compute().items()}
    assert tuple(values) == SEGMENTATION
    for label, name in enumerate(("normal", "abnormal")):
        one = {"pos_label": label, "zero_division": 0}
        assert values[f"iou_{name}"] == pytest.approx(jaccard_score(wanted, found, **one))
        assert values[f"accuracy_{name}"] == pytest.approx(recall_score(wanted, found, **one))
    assert values["allacc"] == pytest.approx(accuracy_score(wanted, found))
    for name, key in (("miou", "iou"), ("macc", "accuracy")):
        both = values[f"{key}_normal"] + values[f"{key}_abnormal"]
        assert values[name] == pytest.approx(both / 2)


def test_a_class_without_points_has_no_figure():
    metric = Segmentation()
    none = torch.zeros(4, dtype=torch.bool)
    metric.update(none, none)
    values = metric.compute()
    assert float(values["iou_normal"]) == float(values["allacc"]) == 1
    assert math.isnan(values["iou_abnormal"]) and math.isnan(values["miou"])


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\) and labels of shape \(2,\)"):
        Segmentation().update(torch.zeros(3), torch.zeros(2))
