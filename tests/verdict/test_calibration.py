"""The promise of the limit: counted, monotone, and the same for limit and p-value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

import gmanet
from gmanet.verdict.calibration import Calibration

scores = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=40)
rates = st.sampled_from([0.01, 0.05, 0.1, 0.3, 0.5])


@pytest.mark.parametrize("shape", ["normal", "heavy", "ties"])
@pytest.mark.parametrize(("normals", "rate"), [(4, 0.05), (20, 0.05), (39, 0.05), (50, 0.1)])
def test_at_most_the_promised_share_of_good_parts_is_refused(normals, rate, shape):
    rng = np.random.default_rng(0)
    made = {
        "normal": rng.normal(size=(4000, normals + 1)),
        "heavy": rng.standard_cauchy((4000, normals + 1)),
        "ties": rng.integers(0, 4, (4000, normals + 1)).astype(float),
    }[shape]
    found = [Calibration(scores=row[1:], false_alarms=rate) for row in made]
    share = np.mean([one.defective(row[0]) for one, row in zip(found, made, strict=True)])
    promised = found[0].promised
    assert promised == max(rate, 1 / (normals + 1))
    error = 4 * np.sqrt(promised / 4000)
    assert share <= promised + error
    if shape != "ties":  # and no fewer than such a limit must: a step of 1 / (n + 1)
        assert share >= promised - 1 / (normals + 1) - error


def test_rescans_of_a_cloud_count_as_one_cloud():
    """Scores of a cloud and of its rescans lie together, so they are not exchangeable alone."""
    rng = np.random.default_rng(1)
    alarms = []
    for _ in range(3000):
        made = rng.normal(size=(21, 1)) + 0.1 * rng.normal(size=(21, 4))
        found = Calibration(scores=made[1:], false_alarms=0.1)
        alarms.append(found.defective(made[0, rng.integers(4)]))
    assert 0.1 - 1 / 21 - 0.02 < np.mean(alarms) <= 0.12


@given(scores, rates, st.integers(-6, 6))
def test_limit_and_p_value_agree(values, rate, score):
    found = Calibration(scores=np.array(values), false_alarms=rate)
    assert found.defective(score) == (found.p_value(score) <= found.promised + 1e-12)


@given(scores, st.integers(1, 4), rates)
def test_limit_and_p_value_agree_with_rescans(values, columns, rate):
    table = np.add.outer(np.array(values), np.arange(columns))
    found = Calibration(scores=table, false_alarms=rate)
    for score in np.arange(-6.5, 10):
        assert found.defective(score) == (found.p_value(score) <= found.promised + 1e-12)


@given(scores, st.floats(-10, 10), st.floats(0, 10))
def test_a_higher_score_has_no_higher_p_value(values, score, more):
    found = Calibration(scores=np.array(values))
    assert found.p_value(score + more) <= found.p_value(score)
    assert 1 / (len(values) + 1) <= found.p_value(score) <= 1


def test_equal_scores_count_as_high():
    found = Calibration(scores=np.array([1.0, 1.0, 1.0, 2.0]), false_alarms=0.3)
    assert found.p_value(1.0) == 1
    assert found.p_value(2.0) == pytest.approx(2 / 5)
    assert found.p_value(2.1) == pytest.approx(1 / 5)
    assert found.limit == 2.0 and not found.defective(2.0)


def test_what_few_normals_can_promise_is_said():
    few = Calibration(scores=np.arange(8.0))
    assert few.promised == pytest.approx(1 / 9) and few.limit == 7
    assert "at most 11.1 % of good parts" in few.sentence()
    assert "from 8 normal scans (5 % would take 19)" in few.sentence()
    enough = Calibration(scores=np.arange(20.0))
    assert enough.sentence() == (
        "limit 19: at most 5 % of good parts are called defective, from 20 normal scans"
    )


@given(scores, rates)
def test_a_stored_calibration_is_the_same(values, rate):
    found = Calibration(scores=np.array(values), false_alarms=rate)
    again = Calibration.from_state(found.state())
    assert (again.limit, again.promised) == (found.limit, found.promised)
    np.testing.assert_array_equal(again.scores, found.scores)


@pytest.mark.parametrize("confidence", [0.5, 0.95])
@pytest.mark.parametrize(("normals", "rate"), [(4, 0.05), (20, 0.05), (40, 0.1)])
def test_with_the_stated_confidence_a_limit_keeps_the_rate(normals, rate, confidence):
    rng = np.random.default_rng(0)
    kept, promised = [], max(rate, 1 / (normals + 1))
    for row in rng.normal(size=(2000, normals)):
        found = Calibration(scores=3 * row + 7, false_alarms=rate, confidence=confidence)
        kept.append(ndtr(-(found.limit - 7) / 3) <= promised)
    assert np.mean(kept) >= confidence - 0.02


@given(scores, rates, st.sampled_from([0.0, 0.5, 0.95]), st.floats(-1e6, 1e6))
def test_limit_and_p_value_agree_with_any_confidence(values, rate, confidence, score):
    found = Calibration(scores=np.array(values), false_alarms=rate, confidence=confidence)
    if abs(score - found.limit) > 1e-6 * (1 + abs(found.limit)):
        assert found.defective(score) == (found.p_value(score) <= found.promised + 1e-9)
    assert 0 < found.p_value(score) <= 1


@given(scores, rates, st.sampled_from([0.5, 0.95]))
def test_a_confidence_never_lowers_a_limit(values, rate, confidence):
    made = [
        Calibration(scores=np.array(values), false_alarms=rate, confidence=one)
        for one in (0.0, confidence)
    ]
    assert made[0].limit <= made[1].limit


def test_a_calibration_of_an_older_version_has_no_confidence():
    stored = {"scores": [1.0, 2.0, 4.0], "false_alarms": 0.05}
    assert Calibration.from_state(stored).limit == 4


def test_a_limit_that_rests_on_one_cloud_is_said():
    usual = np.linspace(0.5, 1.5, 31)
    found = Calibration(scores=np.append(usual, 2.6)).without_highest()
    assert found is not None
    assert found[0] == 31
    assert found[1] == pytest.approx(1.5)
    assert Calibration(scores=usual).without_highest() is None
    assert Calibration(scores=np.array([0.5, 0.6, 9.0])).without_highest() is None


@given(st.integers(0, 999), st.sampled_from([8, 20, 32, 60]))
def test_the_limit_without_a_cloud_is_that_of_the_others(seed, normals):
    scores = np.random.default_rng(seed).normal(size=normals)
    scores[3] = 60.0
    one = Calibration(scores=scores, confidence=0.95)
    found = one.without_highest()
    others = Calibration(scores=np.delete(scores, 3), confidence=0.95)
    assert found == (3, others.limit)


def test_usual_scores_have_no_odd_one():
    rng = np.random.default_rng(0)
    said = [
        Calibration(scores=rng.normal(size=20), confidence=0.95).without_highest() is not None
        for _ in range(400)
    ]
    assert np.mean(said) < 0.02


def test_a_fit_names_the_scan_on_which_the_limit_rests(bumped_plate, capsys):
    plates = [bumped_plate(400, seed, height=0.3 * (seed == 5)) for seed in range(12)]
    normals = [
        plate.replace(label=None, defect="good", name=f"plate_{seed}")
        for seed, plate in enumerate(plates)
    ]
    gmanet.fit(normals, detector="btf_raw")
    said = capsys.readouterr().err
    assert "plate_5 scores" in said
    assert "rests on this scan alone" in said
    gmanet.fit(normals[:5] + normals[6:], detector="btf_raw")
    assert "rests on this scan alone" not in capsys.readouterr().err
