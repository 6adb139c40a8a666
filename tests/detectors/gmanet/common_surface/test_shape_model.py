"""What normal clouds differ in together is found again in other parts, and a defect is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.detectors.gmanet.common_surface.consensus import Consensus
from gmanet.detectors.gmanet.common_surface.shape_model import ShapeModel

PLACES, NOISE = 3000, 1e-4


def model_of(seed=0, clouds=12, causes=3, own=NOISE, hidden=0.0):
    """Return a model of clouds that differ by some causes, and the offsets of one more part.

    Each cloud has deviations of its own, and a share of its places is hidden.
    """
    rng = np.random.default_rng(seed)
    points = rng.random((PLACES, 3), dtype=np.float32)
    points[:, 2] = 0
    waves = np.sin(points[:, :2] @ rng.normal(0, 4, (2, causes)) + rng.uniform(0, 6, causes))
    strength = rng.normal(0, 2e-3, (causes, clouds + 1))
    offset = waves @ strength + rng.normal(0, own, (PLACES, clouds + 1))
    offset[rng.random(offset.shape) < hidden] = np.nan
    normal = np.tile(np.array([0, 0, 1], dtype=np.float32), (PLACES, 1))
    *known, other = offset.astype(np.float32).T
    return ShapeModel(points=points, normal=normal, offset=np.stack(known, axis=1)), other


def rms(values):
    return float(np.sqrt(np.nanmean(np.square(values))))


@given(seed=st.integers(0, 999))
@settings(deadline=None, max_examples=15)
def test_what_parts_differ_in_together_is_expected(seed):
    model, other = model_of(seed)
    expected = model.expected(other, used=np.arange(12))
    assert rms(other - expected) < 0.1 * rms(other) + 2 * NOISE


@given(seed=st.integers(0, 999))
@settings(deadline=None, max_examples=15)
def test_a_pose_that_is_a_little_off_is_expected(seed):
    model, other = model_of(seed)
    tilt = model.points[:, :2] @ np.random.default_rng(seed).uniform(-0.01, 0.01, 2)
    found = model.expected(other + 0.004 + tilt, used=np.arange(12))
    assert rms(other + 0.004 + tilt - found) < 0.25 * rms(0.004 + tilt) + 3 * NOISE


@given(seed=st.integers(0, 999))
@settings(deadline=None, max_examples=15)
def test_places_that_clouds_do_not_cover_are_expected_too(seed):
    model, other = model_of(seed, hidden=0.2)
    expected = model.expected(other, used=np.arange(12))
    assert np.isfinite(expected).all()
    assert rms(other - expected) < 0.9 * rms(other - np.nanmean(model.offset, axis=1))


@given(seed=st.integers(0, 999))
@settings(deadline=None, max_examples=15)
def test_a_defect_is_not_expected(seed):
    model, other = model_of(seed)
    dent = np.linalg.norm(model.points - model.points[0], axis=1) < 0.08
    before = model.expected(other, used=np.arange(12))
    after = model.expected(other - 5e-3 * dent, used=np.arange(12))
    assert np.abs(after - before).max() < 2 * NOISE


def test_a_mixture_for_each_cloud_is_made_of_the_others():
    model, _ = model_of(hidden=0.1)
    weights = model.leave_one_out()
    assert not weights.diagonal().any()
    mixtures = model.mixtures(weights)
    for number in range(12):
        others = np.flatnonzero(np.arange(12) != number)
        alone = model.expected(model.offset[:, number], used=others)
        np.testing.assert_allclose(mixtures[:, number], alone, atol=2e-6)


@pytest.mark.parametrize(("clouds", "own"), [(2, NOISE), (12, 0.01)])
def test_clouds_that_are_too_few_or_differ_at_random_are_not_mixed(clouds, own):
    assert model_of(clouds=clouds, own=own)[0].leave_one_out() is None


@pytest.mark.parametrize("seed", range(6))
def test_sizes_of_castings_are_expected_where_their_skin_differs_at_random(seed):
    rng = np.random.default_rng(seed)
    points, normal = model_of(seed)[0].points, model_of(seed)[0].normal
    strength = rng.normal(0, 1.5e-3, 21)
    strength[20] = 2e-3
    size = np.sin(2 * points[:, :1]) * strength
    offset = (size + rng.normal(0, 4e-3, size.shape)).astype(np.float32)
    known = Consensus.of(points, normal, offset=offset[:, :20])
    assert ShapeModel(points=points, normal=normal, offset=known.offset).leave_one_out() is None

    slow = known.offset - known.relief
    model, weights = ShapeModel.of(points, normal, offset=known.offset, slow=slow)
    assert model.slow is slow
    expected = model.expected(offset[:, 20], used=np.arange(20))
    unmixed = rms(known.offset.mean(axis=1) - size[:, 20])
    assert rms(expected - size[:, 20]) < 0.8 * unmixed
    alone = model.expected(offset[:, 0], used=np.arange(1, 20))
    np.testing.assert_allclose(model.mixtures(weights)[:, 0], alone, atol=2e-6)


def test_a_cloud_that_is_left_out_is_in_no_mixture():
    model, _ = model_of()
    model.offset[:, 5] = np.nan
    weights = model.leave_one_out()
    assert not weights[5].any()
    assert not weights[:, 5].any()


def test_points_are_moved_from_the_mixture_to_the_mean_surface():
    model, _ = model_of()
    bent = 0.01 * np.sin(3 * model.points[:, 0])
    points = model.points + bent[:, None] * model.normal
    sign = np.random.default_rng(0).choice([-1, 1], (PLACES, 1))
    moved = model.displaced(points, (sign * model.normal).astype(np.float32), expected=bent)
    np.testing.assert_allclose(moved, model.points, atol=1e-3)
