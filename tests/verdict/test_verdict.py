"""Every fit ends with a limit; scans get a verdict, stored detectors the same."""

from __future__ import annotations

import json
from importlib import import_module

import numpy as np
import pytest
import torch

import gmanet
from gmanet import evaluate, predict
from gmanet.detectors.memory_bank import MemoryDetector
from gmanet.detectors.stored import load_detector, read_identity
from gmanet.detectors.table import DETECTORS
from gmanet.formats import write_cloud
from gmanet.runs.files import read_judge
from gmanet.training.calibration import HeldOut
from gmanet.verdict.judge import Judge

fit = import_module("gmanet.fit")

NORMALS = 7
SMALL = {"detector.bank_size": 1500}
"""A bank that is a small part of the pool: most of a fit's time is its selection."""


@pytest.fixture(scope="module")
def normals(bumped_plate):
    return [bumped_plate(3000, seed, height=0) for seed in range(NORMALS)]


@pytest.fixture(scope="module", params=["btf", "curvature"])
def fitted(request, normals):
    return gmanet.fit(normals, detector=request.param, progress=False, overrides=SMALL)


def test_scans_are_judged(fitted, bumped_plate):
    bad, good = fitted.score(bumped_plate(3000, 20)), fitted.score(bumped_plate(3000, 21, height=0))
    assert (bad.verdict, bad.p_value) == ("defective", 1 / (NORMALS + 1))
    assert good.p_value >= 1 / (NORMALS + 1)
    assert good.verdict == ("defective" if good.object > fitted.judge.calibration.limit else "good")
    assert "the limit" in bad.reason and all(check.passed for check in bad.checks)


def test_another_scan_is_not_judged(fitted, bumped_plate):
    cloud = bumped_plate(3000, 21, height=0)
    said = fitted.score(cloud.replace(pos=cloud.pos / np.float32(1000)))
    assert said.verdict == "not judged" and "as meters" in said.reason
    assert np.isnan(said.p_value)


def test_a_stored_detector_judges_alike(fitted, bumped_plate, tmp_path):
    fitted.save(tmp_path / "a.gmanet")
    again = gmanet.load(tmp_path / "a.gmanet")
    for seed, height in ((20, 0.12), (21, 0)):
        cloud = bumped_plate(3000, seed, height=height)
        one, other = fitted.score(cloud), again.score(cloud)
        assert (one.verdict, one.reason, one.p_value) == (
            other.verdict,
            other.reason,
            other.p_value,
        )
        assert one.checks == other.checks


def test_a_detector_of_an_older_version_says_that_it_has_no_limit(fitted, bumped_plate, tmp_path):
    fitted.save(tmp_path / "a.gmanet")
    whole = {**load_detector(tmp_path / "a.gmanet"), "format": 1}
    for key in ("judge", "part", "unit", "identity"):
        del whole[key]
    torch.save(whole, tmp_path / "old.gmanet")
    said = gmanet.load(tmp_path / "old.gmanet").score(bumped_plate(3000, 20))
    assert said.verdict == "not judged" and "without a limit" in said.reason


def test_held_out_scores_are_higher_than_those_of_learned_clouds(fitted, normals):
    learned = [fitted.score(cloud).object for cloud in normals]
    held_out = fitted.judge.calibration.scores[:, 0]
    assert np.mean(held_out) > np.mean(learned) + 0.1


def test_a_held_out_score_is_that_of_a_bank_of_the_other_clouds(normals, monkeypatch):
    """With a group for each cloud, the limit rests on fits without the cloud."""
    monkeypatch.setattr("gmanet.detectors.memory_bank.FOLDS", NORMALS)
    whole = gmanet.fit(normals, detector="curvature", seed=3, progress=False, overrides=SMALL)
    others = gmanet.fit(normals[1:], detector="curvature", seed=3, progress=False, overrides=SMALL)
    held_out = whole.judge.calibration.scores[0, 0]
    # A fit on fewer clouds shares the pool among fewer; here the pool is not full.
    assert held_out == pytest.approx(others.score(normals[0]).object, rel=1e-4)


def test_one_normal_scan_gives_no_limit(normals, bumped_plate):
    found = gmanet.fit(normals[:1], detector="curvature", progress=False)
    said = found.score(bumped_plate(3000, 20))
    assert said.verdict == "not judged" and "one normal scan" in said.reason
    assert "one normal scan" in found.judge.sentence()


def test_a_limit_changes_neither_scores_nor_generators(normals, bumped_plate, monkeypatch):
    cloud = bumped_plate(3000, 20)
    with_limit = gmanet.fit(normals, detector="curvature", progress=False, overrides=SMALL)
    monkeypatch.setattr("gmanet.training.fit.calibrate", lambda *args, **kwargs: None)
    without = gmanet.fit(normals, detector="curvature", progress=False, overrides=SMALL)
    np.testing.assert_array_equal(with_limit.score(cloud).points, without.score(cloud).points)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    gmanet.fit(normals, detector="curvature", progress=False, overrides=SMALL)
    assert torch.equal(torch.get_rng_state(), before)


def test_rescans_follow_their_cloud(normals, given_clouds):
    def half(cloud, rng, number):
        assert number in (0, 1)
        return cloud.replace(pos=cloud.pos[rng.random(len(cloud)) < 0.5], label=None, name="x")

    kind = DETECTORS["curvature"]
    detector = kind(kind.Config(name="curvature"))
    assert isinstance(detector, MemoryDetector)
    clouds = given_clouds(normals[:2], "train")
    records = HeldOut(
        clouds=clouds, reader=detector.held_out_reader(), rescan=half, rescans=2, seed=1
    )
    names = [records[index].name for index in range(len(records))]
    assert names == [normals[0].name] * 3 + [normals[1].name] * 3
    sizes = [len(records[index].pos) for index in range(len(records))]
    assert sizes[0] == 3000 and 1200 < sizes[1] < 1800 and sizes[1] != sizes[2]


def test_a_run_tells_limit_false_alarms_and_finds(type_in, tmp_path, capsys):
    words = ("data.profile=tiny", "train.workers=0", "train.pictures=0", "wandb.mode=disabled")
    type_in(fit.main, "name=a", "detector=curvature", "verdict.false_alarms=0.3", *words)
    said = capsys.readouterr().out
    assert "at most 30 % of good parts are called defective, from 3 normal scans" in said
    folder = tmp_path / "runs/a"
    found = json.loads((folder / "scores.json").read_text())["limit"]
    limit = read_judge(folder / "detector.ckpt").calibration.limit
    scores = json.loads((folder / "scores.json").read_text())["objects"]
    good = [score for name, score in scores.items() if name.startswith("good")]
    assert found["false_alarms"] == np.mean([score > limit for score in good])
    assert found["score"] == limit and found["normals"] == 3 and found["promised"] == 0.3
    type_in(evaluate.main, folder)
    assert json.loads((folder / "scores.json").read_text())["limit"] == found


def test_predict_prints_and_stores_the_verdict(fitted, bumped_plate, type_in, tmp_path, capsys):
    fitted.save(tmp_path / "a.gmanet")
    cloud = bumped_plate(3000, 20)
    write_cloud(tmp_path / "dented.ply", cloud)
    write_cloud(tmp_path / "meters.ply", cloud.replace(pos=cloud.pos / np.float32(1000)))
    files = [tmp_path / "dented.ply", tmp_path / "meters.ply"]
    type_in(predict.main, tmp_path / "a.gmanet", *files, "-o", tmp_path / "out")
    first, second = capsys.readouterr().out.splitlines()
    assert "dented.ply: defective (p = 0.125), object score" in first
    assert "meters.ply: not judged (the scan has 0.00" in second
    with np.load(tmp_path / "out/dented.scores.npz") as stored:
        assert str(stored["verdict"]) == "defective" and stored["p_value"] == 0.125
        assert list(stored["check_names"][:2]) == ["points", "unit"]
        assert stored["check_ranges"].shape == (len(stored["checks"]), 2)


def test_evaluate_tells_the_depth_that_is_found(type_in, tmp_path, capsys):
    words = ("data.profile=tiny", "train.workers=0", "train.pictures=0", "wandb.mode=disabled")
    type_in(fit.main, "name=a", "detector=curvature", *words)
    file = tmp_path / "runs/a/detector.ckpt"
    before = read_identity(file)
    type_in(evaluate.main, tmp_path / "runs/a", "--detection", "--samples", 6, "--radius", 2)
    assert read_identity(file) == before
    assert any("dents and bulges" in sentence for sentence in gmanet.load(file).detection)
    said = capsys.readouterr().out
    assert "dents and bulges of 4 mm" in said and "an ideal observer" in said
    rows = json.loads((tmp_path / "runs/a/scores.json").read_text())["detection"]
    assert {row["family"] for row in rows} >= {"bump", "groove"}
    assert all(row["defects"] == 6 and row["unit"] == "mm" for row in rows)
    assert (tmp_path / "runs/a/pictures/detection.png").is_file()
    type_in(evaluate.main, tmp_path / "runs/a")
    assert json.loads((tmp_path / "runs/a/scores.json").read_text())["detection"] == rows


def test_a_sparser_scan_has_a_limit_of_its_own(normals):
    rng = np.random.default_rng(0)
    scores = np.stack([rng.random(len(normals)), 1 + rng.random(len(normals))], axis=1)
    judge = Judge.from_state(Judge.of(normals, scores, false_alarms=0.3).state())
    half = normals[0].replace(pos=normals[0].pos[rng.random(len(normals[0])) < 0.4], label=None)
    own, sparser = judge(normals[0], 0.95), judge(half, 0.95)
    assert own.limit == judge.calibration.limit < 1
    assert 1 < sparser.limit == judge.settings["sparser"].limit
    assert own.p_value < sparser.p_value == 1
    assert f"{sparser.limit:.4g} for a sparser scan" in judge.sentence()
    assert list(judge.settings) == ["sparser"]
