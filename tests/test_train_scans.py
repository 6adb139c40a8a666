"""A fitted run learns no other train scans, and compares none of its own with itself."""

from __future__ import annotations

import json
import shutil
from importlib import import_module

import numpy as np
import pytest

from gmanet import predict
from gmanet.cloud import Cloud
from gmanet.formats import read_cloud, write_cloud
from gmanet.view import inspection_picture

fit = import_module("gmanet.fit")

WORDS = {
    "btf": (),
    "gmanet": (
        *("synthesis.twins=4", "detector.steps=40", "detector.points=1500"),
        *("detector.centers=400", "detector.coarse_queries=300", "detector.fine_queries=100"),
        "detector.centers_per_pair=32",
    ),
}
SETTINGS = ("data=folder", "train.workers=0", "train.pictures=0", "wandb.mode=disabled")
VARYING = {"seconds_per_cloud", "peak_memory_mib"}
TRAIN, UNSEEN = 5, 6


def wedge(seed, dent=0.0):
    """A box without symmetry in a pose of its own, with noise and perhaps a dent in one side."""
    rng = np.random.default_rng(seed)
    pos = rng.random((8000, 3)) * (1.0, 0.6, 0.3)
    side = rng.integers(0, 6, len(pos))
    for axis, size in enumerate((1.0, 0.6, 0.3)):
        pos[side == 2 * axis, axis] = 0
        pos[side == 2 * axis + 1, axis] = size
    pos[:, 2] *= 1 - 0.5 * pos[:, 0] * pos[:, 1]
    near = np.exp(-((pos[:, :2] - (0.4, 0.3)) ** 2).sum(axis=1) / 0.01) * (side == 5)
    pos[:, 2] -= dent * near
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    pos = 40 * (pos + rng.normal(0, 2e-4, pos.shape)) @ turn.T + rng.normal(0, 20, 3)
    return Cloud(pos.astype(np.float32), near * (dent > 0) > 0.3)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    root = tmp_path_factory.mktemp("scans")
    for seed in range(TRAIN):
        write_cloud(root / f"train/part_{seed}.ply", wedge(seed).replace(label=None))
    for seed in range(UNSEEN):
        write_cloud(root / f"test/good/unseen_{seed}.ply", wedge(50 + seed).replace(label=None))
    write_cloud(root / "test/dent/dent_0.ply", wedge(80, dent=0.06))
    return root


@pytest.fixture(scope="module", params=["btf", pytest.param("gmanet", marks=pytest.mark.slow)])
def fitted(request, type_once, scans):
    """The detector, its words and the folder of its run."""
    call, root = type_once
    name = request.param
    words = (*SETTINGS, f"data.root={scans}", f"detector={name}", f"name={name}", *WORDS[name])
    call(fit.main, *words)
    return name, words, root / name


def figures(folder):
    found = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    return {key: value for key, value in found.items() if key not in VARYING}


def predictions(folder):
    found = {}
    for path in sorted((folder / "predictions").iterdir()):
        with np.load(path) as stored:
            found[path.stem] = stored["score"]
    return found


@pytest.mark.parametrize("inventory", [False, True])
def test_a_fitted_run_does_not_learn_from_other_train_scans(
    fitted, scans, type_in, tmp_path, capsys, inventory
):
    name, words, original = fitted
    run = tmp_path / "runs" / name
    shutil.copytree(original, run)
    before, scores = figures(run), predictions(run)
    assert len(scores) == UNSEEN + 1
    shutil.copytree(scans, tmp_path / "scans")
    for seed in range(TRAIN):  # parts of another shape, in other poses
        other = wedge(200 + seed, dent=0.1)
        pos = other.pos * np.float32([1.0, 1.3, 0.8])
        write_cloud(tmp_path / f"scans/train/part_{seed}.ply", Cloud(pos))
    words = [word.replace(str(scans), str(tmp_path / "scans")) for word in words]
    text = (run / "run.yaml").read_text(encoding="utf-8")
    moved = text.replace(str(scans), str(tmp_path / "scans"))
    (run / "run.yaml").write_text(moved, encoding="utf-8")
    (run / "scores.json").unlink()
    shutil.rmtree(run / "predictions")
    if inventory:  # a run that knows its scans does not go on with others
        with pytest.raises(SystemExit) as end:
            type_in(fit.main, *words)
        assert end.value.code == 2
        assert "5 scans have other points" in capsys.readouterr().err
        assert not (run / "scores.json").exists()
        return
    (run / "inventory.json").unlink()
    type_in(fit.main, *words)
    assert figures(run) == before
    again = predictions(run)
    assert set(again) == set(scores)
    for scan, score in scores.items():
        np.testing.assert_array_equal(again[scan], score)


def scored(type_in, run, paths, output):
    """Return the object score of each file as ``predict`` writes it."""
    type_in(predict.main, run, *paths, "-o", output)
    found = []
    for path in paths:
        with np.load(output / f"{path.stem}.scores.npz") as stored:
            found.append(float(stored["object_score"]))
    return np.array(found)


def test_a_train_scan_is_known_and_scores_like_an_unseen_one(
    fitted, scans, type_in, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(
        inspection_picture, "save_inspection", lambda *_, **__: None
    )  # seconds for each scan
    name, _, run = fitted
    paths = sorted((scans / "train").iterdir())[:3]
    own = scored(type_in, run, paths, tmp_path / "out")
    said = capsys.readouterr().err
    for path in paths:
        assert f"{path}: the detector was fitted on this scan" in said
    if name != "gmanet":  # a bank has no surface that could be left out
        return
    reversed_order = [tmp_path / path.name for path in paths]
    for path, other in zip(paths, reversed_order, strict=True):  # not recognized as the same scan
        cloud = read_cloud(path)
        write_cloud(other, cloud.replace(pos=cloud.pos[::-1].copy()))
    naive = scored(type_in, run, reversed_order, tmp_path / "naive")
    assert "the detector was fitted on" not in capsys.readouterr().err
    objects = figures(run)["objects"]
    unseen = np.median([score for scan, score in objects.items() if "unseen" in scan])
    assert np.abs(own - unseen).mean() < 0.5 * np.abs(naive - unseen).mean()
