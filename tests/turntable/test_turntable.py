"""Windows, congruent sets, pose graphs, consistency, and parts on a simulated turntable."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gmanet.cleaning.clean import Cleaning
from gmanet.errors import InputError
from gmanet.geometry.se3 import exp, inverse, log, moved, rotation_about
from gmanet.turntable.config import TurntableConfig
from gmanet.turntable.consistency import consistency
from gmanet.turntable.four_points import congruent_motions
from gmanet.turntable.fusion import fuse, register_views
from gmanet.turntable.markers import SPREAD, by_markers
from gmanet.turntable.motion_prior import MotionPrior, common_axis
from gmanet.turntable.pose_graph import closure, solve_poses
from gmanet.turntable.view import View

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))
UP, ORIGIN = np.array([0.0, 0.0, 1.0]), np.zeros(3)


@pytest.fixture(scope="module")
def bolt():
    from simulated import simulate

    return simulate("hexagonal_bolt", "convex", np.random.default_rng(0), 6, 8000)


@pytest.fixture(scope="module")
def placed(bolt):
    return register_views(bolt.views, TurntableConfig())


def window(step=0.8, width=0.5):
    return MotionPrior(axis=UP, center=ORIGIN, step=step, width=width, tilt=0.1, shift=0.2)


@given(st.floats(-3, 3), st.floats(-1, 1), st.floats(0, 0.2), st.floats(0, 0.4))
@settings(max_examples=100, deadline=None)
def test_a_window_knows_what_it_allows(step, turn, tilt, off):
    one = window(step)
    aside = exp(np.array([tilt, 0, 0, 0, off, 0]))
    aside[:3, 3] = [0, off, 0]
    motion = aside @ rotation_about(UP, ORIGIN, angle=step + turn)
    allowed = abs(turn) <= 0.5 and tilt <= 0.1 and off <= 0.2
    edge = min(abs(abs(turn) - 0.5), abs(tilt - 0.1), abs(off - 0.2)) < 1e-3
    assert edge or bool(one.allows(motion[None])[0]) == allowed
    assert one.excess_angle(motion[None])[0] == pytest.approx(turn, abs=1e-3 + tilt**2)


def test_a_ladder_fills_the_window():
    one = window()
    rungs = one.angle_grid(0.2)
    assert one.allows(rungs).all()
    excess_angle = one.excess_angle(rungs)
    assert excess_angle.min() == pytest.approx(-0.5) and excess_angle.max() == pytest.approx(0.5)
    assert np.diff(excess_angle).max() <= 0.2


def test_congruent_sets_find_the_motion():
    """A third of each cloud has no counterpart in the other."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (180, 3))
    one = window()
    truth = exp(np.array([0.05, -0.03, 0, 0.05, 0.02, -0.1])) @ rotation_about(
        UP, ORIGIN, angle=1.1
    )
    source, target = points[:120], moved(truth, points[60:]) + rng.normal(0, 0.005, (120, 3))
    found = congruent_motions(source, target, prior=one, gap=0.03, rng=rng)
    assert one.allows(found).all()
    miss = [np.abs(log(motion @ inverse(truth))).max() for motion in found]
    assert min(miss) < 0.03
    assert len(found) < 5000
    elsewhere = congruent_motions(source, target, prior=window(-1.5, 0.1), gap=0.03, rng=rng)
    assert len(elsewhere) < len(found)


class Given:
    def __init__(self, motion, information):
        self.motion, self.information = motion, information


@given(st.integers(0, 2**32 - 1), st.integers(3, 9))
@settings(max_examples=30, deadline=None)
def test_a_ring_without_errors_gives_its_poses(seed, count):
    rng = np.random.default_rng(seed)
    poses = [np.eye(4), *(exp(rng.uniform(-1, 1, 6)) for _ in range(count - 1))]
    links = {
        (i, (i + 1) % count): Given(inverse(poses[(i + 1) % count]) @ poses[i], np.eye(6))
        for i in range(count)
    }
    found = solve_poses(links, count)
    np.testing.assert_allclose(found, poses, atol=1e-8)
    assert closure(links, found, points=1) < 1e-7


def test_the_loose_link_takes_the_error():
    links = {
        (i, (i + 1) % 4): Given(rotation_about(UP, ORIGIN, angle=-np.pi / 2), np.eye(6))
        for i in range(4)
    }
    links[2, 3].motion = rotation_about(UP, ORIGIN, angle=-np.pi / 2 + 0.1)
    links[2, 3].information = 1e-4 * np.eye(6)
    poses = solve_poses(links, 4)
    right = [rotation_about(UP, ORIGIN, angle=k * np.pi / 2) for k in range(4)]
    np.testing.assert_allclose(poses, right, atol=1e-3)
    assert 0 < closure(links, poses, points=1) < 2e-3
    with pytest.raises(ValueError, match="hang together"):
        solve_poses({(0, 1): links[0, 1]}, 3)


def test_views_tell_their_table_axis():
    axis, center = np.array([0.1, -0.05, 1.0]), np.array([0.3, 0.2, 0.0])
    axis /= np.linalg.norm(axis)
    motions = np.stack([rotation_about(axis, center, angle=angle) for angle in (0.4, 0.8, -0.6)])
    found, middle = common_axis(motions, window())
    np.testing.assert_allclose(found, axis, atol=1e-6)
    aside = middle - center
    np.testing.assert_allclose(aside - (aside @ axis) * axis, 0, atol=1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(3, 8))
@example(3087, 5)
@settings(max_examples=30, deadline=None)
def test_markers_lay_a_view(seed, count):
    rng = np.random.default_rng(seed)
    motion, points = exp(rng.uniform(-1.5, 1.5, 6)), rng.normal(size=(count, 3))
    there = moved(motion, points)
    one = {f"m{k}": points[k] for k in range(count)} | {"alone": points[0]}
    two = {f"m{k}": there[k] for k in range(count)}
    line = {key: np.array([k, 2.0 * k, 0]) for k, key in enumerate(two)}
    found = by_markers(one, two)
    assert found is None or np.abs(found - motion).max() < 1e-6
    widths = np.sqrt(np.linalg.eigvalsh(np.cov(points.T)).clip(0))
    assert (found is None) == (widths[1] < SPREAD * widths[2])  # nearly on a line
    assert by_markers(line, line) is None
    assert by_markers({"m0": points[0], "m1": points[1]}, two) is None


def test_a_view_tells_its_noise(bolt):
    for view in bolt.views[:2]:
        read = View.of(view.pos)
        assert read.noise == pytest.approx(0.0005 * bolt.diagonal, rel=0.35)
        assert 0.7 < read.inner.mean() < 0.99
        assert (
            consistency(read, np.flatnonzero(read.inner), target=read, motion=np.eye(4)).overlap
            > 0.99
        )


def test_views_that_lie_right_agree_and_others_do_not(bolt):
    one, two = (View.of(view.pos) for view in bolt.views[:2])
    truth = bolt.motions[1] @ inverse(bolt.motions[0])
    rows = np.flatnonzero(one.inner)
    right = consistency(one, rows, target=two, motion=truth)
    assert right.overlap > 0.3
    assert right.apart < one.noise
    aside = np.eye(4)
    aside[0, 3] = 5 * one.noise
    wrong = consistency(one, rows, target=two, motion=aside @ truth)
    assert wrong.apart > 1.5 * one.noise
    away = np.eye(4)
    away[:3, 3] = 10 * bolt.diagonal
    assert consistency(one, rows, target=two, motion=away).overlap == 0


@pytest.mark.slow
def test_a_bolt_is_put_together(bolt, placed):
    """Steps of 60 degrees are known to within 30; the axis stands askew."""
    assert placed.trouble == ""
    assert placed.rms < placed.rms_before
    lengths = []
    for pose, truth in zip(placed.poses, bolt.motions, strict=True):
        off = np.asarray(pose) @ truth @ inverse(bolt.motions[0])
        corners = bolt.diagonal / 2 * np.eye(3)
        lengths.append(np.linalg.norm(moved(off, corners) - corners, axis=1).max())
    assert max(lengths) < 0.004 * bolt.diagonal
    whole = fuse(bolt.views, placed, cleaning=Cleaning())
    assert whole.cloud.label.any()
    assert 0.015 < whole.outliers / sum(map(len, bolt.views)) < 0.03


def test_every_run_gives_the_same(bolt):
    one, two = (register_views(bolt.views[:2], TurntableConfig(step=60)) for _ in range(2))
    assert one == two
    assert one.trouble == ""


def test_a_view_of_something_else_is_trouble(bolt):
    from simulated import simulate

    other = simulate("washer", "good", np.random.default_rng(1), 6, 8000).views[2]
    grown = other.replace(pos=(other.pos * bolt.diagonal / np.ptp(other.pos)).astype(np.float32))
    assert register_views([*bolt.views[:2], grown], TurntableConfig(step=60)).trouble


def test_a_step_beyond_the_window_is_trouble(bolt):
    """A hexagon's half step away from the truth, so that no symmetry makes up for it."""
    truth = (bolt.motions[1] @ inverse(bolt.motions[0]))[None]
    step = np.rad2deg(window(0.0).excess_angle(truth)[0])
    assert register_views(bolt.views[:2], TurntableConfig(known=8), angles=[0.0, step + 30]).trouble


def test_markers_serve_where_nothing_is_known_of_the_step(bolt):
    points = np.random.default_rng(0).uniform(-1, 1, (5, 3)) * bolt.diagonal
    markers = [
        {str(k): place_of for k, place_of in enumerate(moved(motion, points))}
        for motion in bolt.motions[:2]
    ]
    found = register_views(
        bolt.views[:2], TurntableConfig(known=10), angles=[0.0, 150.0], markers=markers
    )
    assert found.trouble == ""
    truth = bolt.motions[0] @ inverse(bolt.motions[1])
    assert np.abs(np.asarray(found.poses[1]) - truth)[:3, :3].max() < 0.01


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"axis": (0.0, 0.0, 0.0)}, "wanted a direction"),
        ({"axis": (1.0, 0.0)}, "wanted three numbers"),
        ({"window": 0.0}, "wanted degrees"),
        ({"tilt": 95.0}, "no tilt beyond 90"),
        ({"shift": 0.0}, "wanted a share"),
    ],
)
def test_what_makes_no_sense_is_named(words, sentence):
    with pytest.raises(InputError, match=sentence):
        TurntableConfig(**words)


def test_one_view_is_too_few(bolt):
    with pytest.raises(InputError, match="1 view, wanted 2"):
        register_views(bolt.views[:1], TurntableConfig())


@pytest.mark.slow
@pytest.mark.parametrize("category", ["double_end_stud", "washer", "k_nut"])
def test_full_views_are_put_together(category):
    """What experiments/results/turntable.md shows of twelve parts, for three of them."""
    from turntable import ALLOWED, measure

    row = measure(category, "concave", (1, 0), 50_000)
    assert row.line.error == ""
    assert row.rms <= ALLOWED
    assert row.covered >= 0.98
