"""Metrics against scikit-learn, brute-force counts and worked examples."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from gmanet.metrics.functional import aupro, auroc, average_precision, regions

GRID = np.stack(np.meshgrid(np.arange(6.0), np.arange(5.0), [0.0]), axis=-1).reshape(-1, 3)


@st.composite
def scored(draw, size=30):
    """Scores that are negative, huge and often tied, with both classes present."""
    value = st.sampled_from([-1e30, -7.5, -1.0, 0.0, 0.5, 1.0, 3.0, 1e30]) | st.floats(-100, 100)
    score = np.array(draw(st.lists(value, min_size=size, max_size=size)))
    label = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    label[:2] = [True, False]
    return score, label


def pairs_won(score, label):
    return np.mean([(a > b) + 0.5 * (a == b) for a in score[label] for b in score[~label]])


def precision_sum(score, label):
    """Average precision by counting anew at each distinct threshold."""
    total, recall = 0.0, 0.0
    for threshold in sorted(set(score.tolist()), reverse=True):
        found = score >= threshold
        gain = (found & label).sum() / label.sum()
        total += (gain - recall) * (found & label).sum() / found.sum()
        recall = gain
    return total


def overlap(score, label, pos, limit=0.3):
    """AUPRO of one cloud."""
    return aupro([score], [regions(pos, label)], limit=limit)


def overlap_area(score, label, region, limit):
    """The overlap curve by counting anew at each distinct threshold, then sampled finely."""
    rate, height = [0.0], [0.0]
    for threshold in sorted(set(score.tolist()), reverse=True):
        found = score >= threshold
        rate.append(found[~label].mean())
        height.append(np.mean([found[region == r].mean() for r in set(region[label].tolist())]))
    area = 0.0
    for x0, x1, y0, y1 in zip(rate, rate[1:], height, height[1:], strict=False):
        if x0 < limit and x1 > x0:
            end = min(x1, limit)
            top = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
            area += (end - x0) * (y0 + top) / 2
    return area / limit


@given(scored())
def test_auroc_is_the_share_of_pairs_won(case):
    assert auroc(*case) == pytest.approx(pairs_won(*case), abs=1e-12)


@given(scored())
def test_average_precision_counts_each_threshold(case):
    assert average_precision(*case) == pytest.approx(precision_sum(*case), abs=1e-12)


@given(scored())
def test_both_agree_with_scikit_learn(case):
    score, label = case
    assert auroc(score, label) == pytest.approx(roc_auc_score(label, score), abs=1e-12)
    assert average_precision(score, label) == pytest.approx(
        average_precision_score(label, score), abs=1e-12
    )


@given(scored(), st.sampled_from([0.05, 0.3, 0.5, 1.0]))
@settings(max_examples=60)
def test_aupro_counts_each_region_at_each_threshold(case, limit):
    score, label = case
    region = regions(GRID, label)
    wanted = overlap_area(score, label, region, limit)
    assert overlap(score, label, GRID, limit) == pytest.approx(wanted, abs=1e-12)


@given(scored())
def test_one_region_and_no_limit_is_auroc(case):
    score, label = case
    close = np.linspace(0, 1, len(score))[:, None] * [0.0, 0.0, 1.0]
    close[np.argsort(~label, kind="stable")] = close.copy()  # abnormal points become neighbors
    assert regions(close, label).max() == 0
    assert overlap(score, label, close, 1.0) == pytest.approx(auroc(score, label), abs=1e-12)


@given(scored(), st.permutations(range(30)))
@settings(max_examples=30)
def test_order_of_points_does_not_matter(case, order):
    score, label = case
    order = np.array(order)
    for measure in (auroc, average_precision):
        assert measure(score[order], label[order]) == pytest.approx(measure(score, label))
    turned = overlap(score[order], label[order], GRID[order])
    assert turned == pytest.approx(overlap(score, label, GRID), abs=1e-12)


def test_known_answers():
    score, label = [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]
    assert auroc(score, label) == 0.75
    assert average_precision(score, label) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert auroc([1.0] * 4, label) == 0.5
    assert average_precision([1.0] * 4, label) == 0.5  # the share of abnormal points
    assert auroc([20.0, 30.0, 40.0, 60.0], label) == 1.0  # a sigmoid would make these equal


def test_regions_are_patches_further_apart_than_the_reach():
    line = np.arange(20.0)[:, None] * [0.5, 0.0, 0.0]
    label = np.zeros(20, dtype=bool)
    label[[2, 3, 5, 8]] = True  # steps of 1, 2 and 3 spacings: touching
    label[[12, 19]] = True  # 4 and 7 spacings: apart
    region = regions(line, label)
    assert len(set(region[[2, 3, 5, 8]])) == 1
    assert len({region[2], region[12], region[19]}) == 3
    assert (region[~label] == -1).all()


def test_repeated_points_do_not_shrink_the_spacing():
    line = np.repeat(np.arange(20.0)[:, None] * [1.0, 0.0, 0.0], 4, axis=0)
    assert regions(line, np.ones(80, dtype=bool)).max() == 0


def test_small_region_counts_as_much_as_a_large_one():
    pos = np.concatenate([np.arange(100.0), [500.0], np.arange(1000.0, 1100.0)])
    pos = pos[:, None] * [1.0, 0.0, 0.0]
    label = np.arange(201) <= 100
    score = np.where(np.arange(201) < 100, 1.0, 0.0)  # finds the large region alone
    assert overlap(score, label, pos, 1e-9) == pytest.approx(0.5)


def test_aupro_pools_false_positives_but_not_regions_over_clouds():
    label = np.zeros(30, dtype=bool)
    label[0] = True
    good = np.where(label, 1.0, 0.0)
    assert aupro([good, -good], [regions(GRID, label)] * 2, limit=0.3) == pytest.approx(
        overlap_area(np.append(good, -good), np.append(label, label), np.arange(60), 0.3)
    )


@pytest.mark.parametrize("label", [[0, 0, 0], [1, 1, 1]])
def test_one_class_gives_nan(label):
    pos = np.eye(3)
    assert math.isnan(auroc([1.0, 2.0, 3.0], label))
    assert math.isnan(average_precision([1.0, 2.0, 3.0], label))
    assert math.isnan(overlap([1.0, 2.0, 3.0], label, pos))


def test_no_clouds_give_nan():
    assert math.isnan(aupro([], []))
    assert math.isnan(auroc([], []))


@pytest.mark.parametrize(
    ("score", "label"),
    [([1.0, np.nan], [0, 1]), ([1.0, np.inf], [0, 1]), ([1.0], [0, 1]), ([1.0, 2.0], [0, 2])],
)
def test_unusable_values_are_refused(score, label):
    for measure in (auroc, average_precision):
        with pytest.raises(ValueError, match=r"finite|shape|other than"):
            measure(score, label)


def test_regions_and_scores_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="shape"):
        regions(np.zeros((3, 3)), [0, 1])
    with pytest.raises(ValueError, match="finite"):
        regions([[0.0, 0.0, np.nan]], [1])
    part = np.array([-1, 0])
    for score, wanted in (([1.0, np.nan], "finite"), ([1.0], "shape")):
        with pytest.raises(ValueError, match=wanted):
            aupro([score], [part])
    with pytest.raises(ValueError, match="shorter"):
        aupro([[1.0, 2.0], [1.0, 2.0]], [part])
    with pytest.raises(ValueError, match="limit"):
        aupro([[1.0, 2.0]], [part], limit=0.0)


def test_half_a_million_points_take_a_moment():
    generator = np.random.default_rng(0)
    pos = generator.random((500_000, 3))
    label = np.linalg.norm(pos - 0.5, axis=1) < 0.15
    score = generator.normal(size=500_000) + 2 * label
    start = time.process_time()
    values = [auroc(score, label), average_precision(score, label), overlap(score, label, pos)]
    assert time.process_time() - start < 8  # about 1; a quadratic algorithm takes hours
    assert values[0] == pytest.approx(roc_auc_score(label, score), abs=1e-12)
