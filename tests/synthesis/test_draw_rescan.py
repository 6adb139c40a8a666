"""Rescans: the same surface, other points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.cloud import Cloud
from gmanet.synthesis.rescans import Rescan, draw_rescan, draw_setting, noise_of, rescan

COUNT = 3000


@pytest.fixture(scope="module")
def ball():
    """A sphere of radius 10 with noise of .01; the upper cap is labeled."""
    rng = np.random.default_rng(0)
    pos = rng.normal(size=(COUNT, 3))
    pos *= 10 / np.linalg.norm(pos, axis=1)[:, None]
    pos += rng.normal(scale=0.01, size=pos.shape)
    return Cloud(pos.astype(np.float32), pos[:, 2] > 7, name="ball")


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_labels_stay_with_their_points(ball, seed):
    rng = np.random.default_rng(seed)
    how = draw_rescan(rng)
    made = rescan(ball, how, rng)
    assert len(made.label) == len(made)
    measured = len(made) - int(how.flying * len(made) / (1 + how.flying) + 0.5)
    height, label = made.pos[:, 2], made.label
    assert not label[measured + 1 :].any()  # flying points are normal
    assert label[: measured - 1][height[: measured - 1] > 7.5].all()
    assert not label[: measured - 1][height[: measured - 1] < 6.5].any()
    assert made.name == ball.name


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_setting_keeps_all_of_the_surface(seed, noisier):
    how = draw_setting(np.random.default_rng(seed), noisier=noisier)
    assert how.hole == how.cut == 0 and how.share * how.sparsest > 0.02
    assert (how.noise > 0.5) == noisier


def test_nothing_changes_without_a_condition(ball):
    made = rescan(ball, Rescan(), np.random.default_rng(0))
    np.testing.assert_array_equal(made.pos, ball.pos)


@pytest.mark.parametrize(
    ("how", "share"),
    [
        (Rescan(share=0.5), 0.5),
        (Rescan(hole=0.1), 0.9),
        (Rescan(cut=0.25), 0.75),
        (Rescan(sparsest=0.2), 0.6),
        (Rescan(flying=0.01), 1.01),
    ],
)
def test_the_share_of_points(ball, how, share):
    made = rescan(ball, how, np.random.default_rng(1))
    assert len(made) == pytest.approx(share * COUNT, rel=0.06)


def test_noise_is_measured_and_added():
    rng = np.random.default_rng(1)
    pos = np.c_[rng.uniform(-5, 5, (COUNT, 2)), rng.normal(scale=0.01, size=COUNT)]
    plate = Cloud(pos.astype(np.float32))
    assert noise_of(plate.pos) == pytest.approx(0.01, rel=0.3)
    made = rescan(plate, Rescan(noise=3.0), rng)
    assert noise_of(made.pos) == pytest.approx(np.sqrt(10) * 0.01, rel=0.35)
