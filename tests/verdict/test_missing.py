"""Surface that all normal scans have and a scan lacks is found, listed and scored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch_geometric.data import Data

from gmanet.cloud import Cloud
from gmanet.datasets.rescan_kinds import CHANGES, REMOVALS
from gmanet.detectors.archive import read_archive, write_archive
from gmanet.detectors.base import Detector
from gmanet.detectors.config import DetectorConfig
from gmanet.detectors.records import read
from gmanet.verdict.judge import Judge, raised
from gmanet.verdict.measures import measure_scan
from gmanet.verdict.missing import Missing
from gmanet.verdict.tails import Tails

NORMALS, POINTS, NOISE = 8, 6000, 0.01


def block(seed, *, points=POINTS):
    """Return a scan of a block of 6 x 4 x 2 with a step, whose pose is unique."""
    rng = np.random.default_rng(seed)
    size = np.array([6.0, 4.0, 2.0])
    faces = rng.choice(6, points, p=np.repeat([8, 12, 24], 2) / 88)
    pos = rng.random((points, 3)) * size
    axis, side = faces // 2, faces % 2
    pos[np.arange(points), axis] = side * size[axis]
    top = (pos[:, 0] > 4) & (pos[:, 1] > 2) & (pos[:, 2] > 1)
    pos[top, 2] = 1 + 0.0 * pos[top, 2]
    noisy = pos + rng.normal(scale=NOISE, size=pos.shape)
    return Cloud(noisy.astype(np.float32), name=f"block_{seed}")


def without_ball(cloud, middle, radius):
    return cloud.replace(pos=cloud.pos[np.linalg.norm(cloud.pos - middle, axis=1) > radius])


@pytest.fixture(scope="module", autouse=True)
def registrations(tmp_path_factory):
    """Store registrations, which take longer than all else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMANET_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def normals():
    return [block(seed) for seed in range(NORMALS)]


@pytest.fixture(scope="module")
def judge(normals):
    scores = np.linspace(0.4, 0.5, NORMALS)[:, None]
    return Judge.of(normals, scores, false_alarms=0.12, search=True)


def test_whole_scans_have_no_gap(judge):
    for seed in (50, 51):
        made, found = judge.judge(block(seed), 0.45)
        assert made.verdict == "good" and made.missing == () and found.rim is None
        assert 0 < found.emptiness < 2


@pytest.mark.parametrize("kind", ["half", "noise2", "density"])
def test_another_scan_has_no_gap(judge, kind):
    rng, cloud = np.random.default_rng(3), block(52)
    if kind in CHANGES:
        scan = CHANGES[kind](cloud, rng)
    else:
        scan = cloud.replace(pos=cloud.pos[REMOVALS[kind](cloud.pos, rng)])
    assert [gap for gap in judge(scan, 0.45).missing if gap.share > 0.01] == []


@pytest.mark.parametrize("turned", [False, True])
def test_a_missing_ball_is_found_with_place_and_area(judge, turned):
    middle, radius = np.array([1.5, 2.0, 2.0]), 0.8
    cloud = without_ball(block(53), middle, radius)
    if turned:
        rotation, shift = Rotation.from_rotvec([0.4, 1.0, -0.7]), np.array([9.0, -4.0, 2.0])
        cloud = cloud.replace(pos=(rotation.apply(cloud.pos) + shift).astype(np.float32))
        middle = rotation.apply(middle) + shift
    made = judge(cloud, 0.45)
    assert made.verdict == "defective" and made.p_value == pytest.approx(1 / (NORMALS + 1))
    assert made.score > judge.calibration.limit
    gap = made.missing[0]
    assert gap.kind == "missing" and gap.exposed < 0.25
    assert np.linalg.norm(np.array(gap.place) - middle) < 0.6 * radius
    assert gap.area == pytest.approx(np.pi * radius**2, rel=0.35)
    assert gap.share == pytest.approx(gap.area / 88, rel=0.3)
    assert "is missing, or lost by the scanner" in made.reason


def test_points_around_the_gap_are_raised(judge):
    middle, radius = np.array([1.5, 2.0, 2.0]), 0.8
    cloud = without_ball(block(53), middle, radius)
    made, found = judge.judge(cloud, 0.45)
    points = raised(np.zeros(len(cloud), dtype=np.float32), made.score, found=found)
    high = cloud.pos[points > 0]
    assert len(high) > 5 and points.max() == np.float32(made.score)
    away = np.linalg.norm(high - middle, axis=1)
    assert (away < radius + 0.3).all()


def test_a_pit_shows_other_surface(judge):
    middle, radius = np.array([1.5, 2.0, 2.0]), 0.8
    cloud, rng = without_ball(block(54), middle, radius), np.random.default_rng(0)
    way = rng.normal(size=(300, 3))
    way[:, 2] = -np.abs(way[:, 2])
    wall = middle + radius * way / np.linalg.norm(way, axis=1, keepdims=True)
    cloud = cloud.replace(pos=np.concatenate([cloud.pos, wall]).astype(np.float32))
    gap = judge(cloud, 0.45).missing[0]
    assert gap.kind == "missing" and gap.exposed > 0.25
    assert "other surface is seen there" in gap.sentence


def test_a_large_loss_is_not_scanned(judge):
    scan = without_ball(block(55), np.array([2.0, 2.0, 2.0]), 1.9)
    made, found = judge.judge(scan, 0.45)
    assert made.verdict == "not judged" and "was not scanned" in made.reason
    assert {gap.kind for gap in made.missing} == {"not scanned"}
    assert made.score == 0.45 and found.rim is None


def test_a_train_scan_is_compared_with_the_others(normals, judge):
    target, found = judge.missing.target, judge.missing(normals[2], judge_pose(judge, normals[2]))
    again = Missing.of(normals, target, found=[judge_pose(judge, each) for each in normals])
    assert again is not None
    assert found.emptiness == pytest.approx(again[1][2])


def judge_pose(judge, cloud):
    return judge.gate.register(cloud, measure_scan(cloud.pos))


def test_what_does_not_lie_on_the_normal_scans_is_not_compared(judge):
    found = judge.missing(block(56), None)
    assert found.emptiness == float("-inf") and "lies on no normal scan" in found.note


def test_a_stored_judge_finds_the_same(judge, tmp_path):
    write_archive(tmp_path / "judge.zip", judge.state(), readme="")
    again = Judge.from_state(read_archive(tmp_path / "judge.zip"))
    cloud = without_ball(block(57), np.array([1.5, 2.0, 2.0]), 0.6)
    one, other = judge(cloud, 0.45), again(cloud, 0.45)
    assert (one.score, one.reason, one.missing) == (other.score, other.reason, other.missing)
    assert "missing surface is searched with 8 normal scans" in again.sentence()


def test_older_versions_searched_nothing(judge):
    state = {key: judge.state()[key] for key in ("calibration", "gate")}
    again = Judge.from_state(state)
    assert again.missing is None and again(block(58), 0.45).score == 0.45


def test_two_normal_scans_are_too_few(normals):
    made = Judge.of(normals[:2], np.array([[0.4], [0.5]]), false_alarms=0.1, search=True)
    assert made.missing is None and "missing" not in made.sentence()


class Blind(Detector):
    """A detector to which all scans are the same."""

    def reader(self):
        return lambda cloud: Data(num_nodes=len(cloud))

    def score_record(self, record):
        return torch.zeros(len(record.pos)), torch.tensor(0.45)


def test_a_detector_says_what_is_missing(judge):
    detector = Blind(DetectorConfig(name="blind"))
    detector.judge = judge
    cloud = without_ball(block(59), np.array([1.5, 2.0, 2.0]), 0.8)
    scores = detector.score(cloud)
    assert scores.verdict == "defective" and scores.missing[0].kind == "missing"
    assert scores.object > 0.45 and scores.points.max() == np.float32(scores.object)
    points, whole = detector.predict_step(read(cloud, detector.reader()))
    assert float(whole) == pytest.approx(scores.object)
    np.testing.assert_array_equal(points.numpy(), scores.points)
    detector.judge = replace(judge, missing=None, tails=None)
    assert detector.score(cloud).object == pytest.approx(0.45)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0.1, 9), min_size=4, max_size=30), st.floats(-5, 5))
def test_an_ordinary_second_statistic_changes_nothing(values, score):
    other = np.array(values)
    tails = Tails.of(np.linspace(0.4, 0.5, len(other)), other)
    assert tails.joint(score, np.median(other)) >= score
    assert tails.joint(0.45, np.median(other)) == pytest.approx(0.45, abs=1e-3)
    assert tails.joint(score, float("-inf")) == score
    more = [float(tails.joint(0.45, value)) for value in np.linspace(0, 50, 20)]
    assert np.all(np.diff(more) >= 0)
    assert Tails.from_state(tails.state()) == tails
