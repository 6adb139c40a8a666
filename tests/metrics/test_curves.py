"""Drawn curves: their areas are the figures, whatever is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.metrics.curves import curves
from gmanet.metrics.functional import auroc, average_precision


def test_curves_by_hand():
    drawn = curves([3.0, 2.0, 2.0, 1.0], [True, False, True, False])
    assert drawn.recall.tolist() == [0.5, 1, 1]
    assert drawn.false_alarms.tolist() == [0, 0.5, 1]
    assert drawn.precision.tolist() == pytest.approx([1, 2 / 3, 0.5])


@given(st.integers(2, 300), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_areas_are_the_figures(count, seed):
    rng = np.random.default_rng(seed)
    score, label = rng.integers(-20, 20, count).astype(float), rng.random(count) < 0.3
    label[:2] = True, False
    drawn = curves(score, label)
    x, y = np.append(0, drawn.false_alarms), np.append(0, drawn.recall)
    area = ((y[1:] + y[:-1]) / 2 * np.diff(x)).sum()
    assert area == pytest.approx(auroc(score, label))
    area = (np.diff(np.append(0, drawn.recall)) * drawn.precision).sum()
    assert area == pytest.approx(average_precision(score, label))


def test_thinning_keeps_ends_and_area():
    rng = np.random.default_rng(0)
    label = rng.random(20_000) < 0.02
    score = rng.normal(size=20_000) + 2 * label
    drawn = curves(score, label, drawn=300)
    assert 100 < len(drawn.recall) <= 300
    assert (drawn.recall[-1], drawn.false_alarms[-1]) == (1, 1)
    x, y = np.append(0, drawn.false_alarms), np.append(0, drawn.recall)
    area = ((y[1:] + y[:-1]) / 2 * np.diff(x)).sum()
    assert area == pytest.approx(auroc(score, label), abs=0.01)


def test_one_class_has_no_curve():
    assert curves([1.0, 2.0], [True, True]) is None
    assert curves([1.0, 2.0], [False, False]) is None
