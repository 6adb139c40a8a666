"""What a scanner can do: systematic errors are told from wrong registrations."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gmanet.formats import read_cloud
from gmanet.geometry.se3 import inverse, moved, rigid
from gmanet.turntable.config import TurntableConfig
from gmanet.turntable.consistency import Consistency, consistency
from gmanet.turntable.fusion import register_views
from gmanet.turntable.holes import unseen_share
from gmanet.turntable.scanner import Scanner
from gmanet.turntable.view import View

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))
DRAGON = Path(__file__).parents[3] / "shared/data/turntable"
VIEW = SimpleNamespace(noise=0.04, spacing=0.5)


def pair(usual):
    return Consistency(overlap=0.8, rms=usual, own=0.0, usual=usual, dissent=0.02)


def scanner(*usual):
    return Scanner.of([VIEW] * len(usual), [pair(one) for one in usual])


def test_errors_that_all_pairs_share_are_the_scanners():
    found = scanner(*[0.1, 0.12, 0.11, 0.13, 0.1, 0.12])
    assert found.systematic == pytest.approx(0.1, abs=0.01)
    assert 0.3 < found.apart < 0.36
    assert found.error == pytest.approx(np.hypot(0.04, found.systematic))
    assert [view.noise for view in found.seen_by([])] == []


@pytest.mark.parametrize(
    "usual",
    [
        (0.02,) * 8,  # no more than the noise
        (0.02, 0.02, 0.02, 0.02, 0.3, 0.3),  # one wrong view
        (0.3,) * 6,  # beyond half a spacing: no scans of one surface
        (0.1,) * 3,  # too few views
    ],
)
def test_nothing_else_is(usual):
    found = scanner(*usual)
    assert found.systematic == 0
    assert found.apart == found.noise


@pytest.fixture(scope="module")
def bolt():
    from simulated import simulate

    return simulate("hexagonal_bolt", "good", np.random.default_rng(3), 6, 6000)


def test_a_scanner_that_bends_shows_in_the_median(bolt):
    one, two = (View.of(view.pos) for view in bolt.views[:2])
    rows = np.flatnonzero(one.inner)
    truth = bolt.motions[1] @ inverse(bolt.motions[0])
    right = consistency(one, rows, target=two, motion=truth)
    assert right.usual < one.noise
    bent = View.of((one.pos + 4 * one.noise * np.sin(one.pos[:, :1] / 5 + 1)).astype(np.float32))
    off = consistency(bent, rows, target=two, motion=truth)
    assert off.usual > 1.5 * one.noise


def test_a_sphere_with_a_hole_has_a_hole():
    rng = np.random.default_rng(0)
    pos = rng.normal(size=(8000, 3))
    pos = (pos / np.linalg.norm(pos, axis=1, keepdims=True)).astype(np.float32)
    assert unseen_share(pos) < 0.01
    assert unseen_share(pos[pos[:, 2] < 0.6]) == pytest.approx(0.15, abs=0.06)


def warped(bolt, size):
    """Return the views with an error that is smooth, and fixed in the frame of the scanner."""
    made = []
    for view in bolt.views:
        wave = np.sin(view.pos @ np.float32([[0.17, 0.05], [0.06, -0.19], [0.11, 0.15]]))
        made.append(
            view.replace(
                pos=(view.pos + size * wave @ [[1, 0.3, 0.5], [-0.2, 1, 0.4]]).astype(np.float32)
            )
        )
    return made


@pytest.mark.slow
def test_views_that_a_scanner_warps_are_put_together_backward(bolt):
    noise = 0.0005 * bolt.diagonal
    views = warped(bolt, 2.5 * noise)[::-1]
    found = register_views(views, TurntableConfig())
    assert found.trouble == ""
    assert found.backward
    assert "step=-60" in register_views(views, TurntableConfig(step=60)).trouble


@pytest.mark.slow
def test_a_foreign_view_is_trouble_among_warped_ones(bolt):
    from simulated import simulate

    other = simulate("t_screw", "good", np.random.default_rng(1), 6, 6000).views[2]
    views = warped(bolt, 2.5 * 0.0005 * bolt.diagonal)
    assert register_views([*views[:4], other, views[5]], TurntableConfig()).trouble


@pytest.mark.slow
@pytest.mark.skipif(not DRAGON.is_dir(), reason="the range scans are not at hand")
def test_real_range_scans_are_put_together():
    """Against the published motions between neighbors; the table turns backward.

    Views in the published poses are farther apart, whatever the weights and the number of points of
    the refinement: each view lies .7 mm farther out along the direction of the scanner.
    """
    files = sorted((DRAGON / "views/dragon").glob("*.ply"))
    clouds = [read_cloud(path) for path in files]
    found = register_views(clouds, TurntableConfig(axis=(0.0, 1.0, 0.0)))
    assert found.trouble == ""
    assert found.backward
    lines = [line.split() for line in (DRAGON / "dragon.conf").read_text().splitlines()]
    rows = np.array([line[2:] for line in lines if line and line[0] == "bmesh"], float)
    turns = Rotation.from_quat(rows[:, 3:] * [1, 1, 1, -1]).as_matrix()
    published = [rigid(turn, shift) for turn, shift in zip(turns, rows[:, :3], strict=True)]
    poses = np.asarray(found.poses)
    views = [View.of(cloud.pos) for cloud in clouds]
    apart = []
    for i in range(len(files)):
        j = (i + 1) % len(files)
        own, other = (inverse(one[j]) @ one[i] for one in (poses, published))
        angle = Rotation.from_matrix(own[:3, :3] @ other[:3, :3].T).magnitude()
        middle = clouds[i].pos.mean(axis=0, keepdims=True)
        assert np.rad2deg(angle) < 0.4
        assert np.linalg.norm(moved(own, middle) - moved(other, middle)) < 0.6e-3
        inner = np.flatnonzero(views[i].inner)[::20]
        apart.append(
            [
                consistency(views[i], inner, target=views[j], motion=motion).usual
                for motion in (own, other)
            ]
        )
    ours, theirs = np.median(apart, axis=0)
    assert ours < 0.7 * theirs
    print(f"{1e3 * ours:.3f} mm apart, {1e3 * theirs:.3f} mm in the published poses")
