"""Probability of detection: known curves are found again, and the bound holds as often as said."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit

from gmanet.evaluation.detection_picture import save_curves
from gmanet.synthesis.deform import FAMILIES, Surface
from gmanet.verdict.detection import Detection, fit_curve, ideal_depth
from gmanet.verdict.planted import plant

A90, SLOPE = 0.11, 5.0


def simulated(count, rng):
    """Return depths and hits of a curve with ``a90 = A90``."""
    depths = np.geomspace(0.01, 1, count)
    logit = math.log(9) + SLOPE * np.log(depths / A90)
    return depths, rng.random(count) < expit(logit)


def test_many_defects_find_the_curve_again():
    found = fit_curve(*simulated(20_000, np.random.default_rng(0)))
    assert found.a90 == pytest.approx(A90, rel=0.05)
    assert found.slope == pytest.approx(SLOPE, rel=0.05)
    assert found.a90 < found.a90_95 < 1.1 * A90
    assert found(found.a90) == pytest.approx(0.9)


def test_the_bound_lies_above_as_often_as_promised():
    rng = np.random.default_rng(1)
    above = [fit_curve(*simulated(60, rng)).a90_95 >= A90 for _ in range(600)]
    assert 0.92 < np.mean(above) < 0.985


def test_hits_and_misses_that_do_not_overlap_have_a_bound():
    depths = np.geomspace(0.01, 1, 60)
    found = fit_curve(depths, depths > 0.1)
    assert 0.09 < found.a90 < 0.12
    assert found.a90 < found.a90_95 < 0.2


@pytest.mark.parametrize("count", [6, 60])
def test_nothing_found_has_no_depth(count):
    depths = np.geomspace(0.01, 1, count)
    found = fit_curve(depths, np.zeros(count, bool))
    assert found.a90 == found.a90_95 == math.inf


def test_all_found_is_bounded_by_the_depths_that_were_tried():
    depths = np.geomspace(0.01, 1, 60)
    found = fit_curve(depths, np.ones(60, bool))
    assert found.a90 == pytest.approx(0.01)
    assert 0.01 <= found.a90_95 < 1


def test_too_few_defects_have_no_bound():
    found = fit_curve([0.01, 0.1, 1.0], [False, True, True])
    assert found.a90_95 == math.inf


def test_an_ideal_observer_finds_nine_of_ten():
    """The matched filter of simulated heights, at its own false-alarm rate."""
    rng = np.random.default_rng(2)
    shape, noise = rng.random(40), 0.3
    depth = ideal_depth(shape, noise, false_alarms=0.05)
    heights = rng.normal(scale=noise, size=(20_000, 40))
    without, present = heights @ shape, (heights + depth * shape) @ shape
    limit = np.quantile(without, 0.95)
    assert (present > limit).mean() == pytest.approx(0.9, abs=0.01)
    assert ideal_depth(np.tile(shape, 4), noise, false_alarms=0.05) == pytest.approx(depth / 2)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_planted_defect_has_the_depth_that_is_said(family, sphere):
    cloud = sphere(4000, 1)
    surface = Surface(cloud.pos / np.float32(cloud.diameter))
    rng = np.random.default_rng(3)
    made = plant(cloud, surface, family=family, radius=0.1, depth=0.02, rng=rng)
    moved = np.linalg.norm(made.cloud.pos - cloud.pos, axis=1)
    assert moved.max() == pytest.approx(made.depth, rel=1e-3)
    assert 0.2 < made.depth / (0.02 * cloud.diameter) < 3
    assert 0 < made.cloud.label.sum() < 1000
    assert made.shape.max() <= 1 + 1e-5


def test_the_sentence_and_the_picture_name_the_depth(tmp_path):
    depths, hits = simulated(200, np.random.default_rng(4))
    found = Detection(
        family="bump",
        radius=1.5,
        depths=depths,
        hits=hits,
        curve=fit_curve(depths, hits),
        ideal=0.02,
        unit="mm",
    )
    assert found.sentence().startswith("dents and bulges of 3 mm are found from 0.1")
    assert found.row()["a90_95"] == found.curve.a90_95
    save_curves(tmp_path / "curves.png", [found])
    assert (tmp_path / "curves.png").stat().st_size > 5000
