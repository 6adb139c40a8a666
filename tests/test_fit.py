"""The whole way: fit, resume, measure again, and score a file."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module

import numpy as np
import pytest
import torch

from gmanet import evaluate, predict
from gmanet.datasets.procedural import Procedural
from gmanet.detectors.gmanet.detector import GMANet
from gmanet.evaluation.measure import FIGURES
from gmanet.formats import write_cloud
from gmanet.runs.folder import Run
from gmanet.runs.scoring import load_detector

fit = import_module("gmanet.fit")

TINY = (
    "name=tiny",
    "data.profile=tiny",
    "synthesis.twins=8",
    "detector.steps=20",
    "detector.points=512",
    "detector.centers=256",
    "detector.centers_per_pair=32",
    "detector.coarse_queries=256",
    "detector.fine_queries=128",
    "train.workers=0",
    "train.pictures=0",
    "train.checkpoint_every=2",
    "wandb.mode=disabled",
)
"""Eight pairs, four a step: an epoch has two steps, and a checkpoint follows every four."""

VARYING = {"seconds_per_cloud", "peak_memory_mib"}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs/tiny"


@pytest.fixture(scope="module")
def finished(type_once):
    """The folder of an undisturbed run, made with W&B and without a home directory."""
    call, root = type_once
    import matplotlib.font_manager  # noqa: F401  without a home it would search all fonts again

    before = dict(os.environ)
    for variable in [name for name in os.environ if name.startswith("WANDB_")]:
        del os.environ[variable]
    os.environ["HOME"] = "/nonexistent"
    try:
        call(fit.main, *TINY, "train.pictures=1", "wandb.mode=offline")
    finally:
        os.environ.clear()
        os.environ.update(before)
    return root / "tiny"


@pytest.fixture
def copied(finished, folder):
    """A copy of the undisturbed run, to be changed."""
    shutil.copytree(finished, folder)
    return folder


def figures(folder):
    found = json.loads((folder / "scores.json").read_text())
    return {key: value for key, value in found.items() if key not in VARYING}


def test_the_run_folder_is_the_contract(finished):
    names = {path.name for path in finished.iterdir() if not path.name.startswith(".")}
    expected = {"run.yaml", "detector.ckpt", "checkpoints", "predictions", "pictures", "wandb"}
    assert names == {*expected, "scores.json"}
    scores = json.loads((finished / "scores.json").read_text())
    assert {*FIGURES, "n_clouds", "n_points", *VARYING} <= set(scores)
    assert set(scores["defects"]) == {"convex", "concave", "scratch", "scar", "deformation"}
    assert all(set(FIGURES) <= set(part) for part in scores["defects"].values())
    test = Procedural("hexagonal_nut", "test", profile="tiny")
    assert scores["n_clouds"] == len(test) == 8
    assert scores["n_points"] == sum(len(cloud) for cloud in test)
    assert 0 < scores["seconds_per_cloud"] < 60
    assert 100 < scores["peak_memory_mib"] < 100_000
    assert {path.stem for path in (finished / "predictions").iterdir()} == set(test.names)
    for cloud in test:
        with np.load(finished / f"predictions/{cloud.name}.npz") as stored:
            assert (stored["score"].dtype, stored["score"].shape) == (np.float32, (len(cloud),))
            np.testing.assert_array_equal(stored["label"], cloud.label)
    assert len(list((finished / "pictures").glob("*.png"))) == 1


def test_wandb_stays_in_the_run_folder(finished):
    assert len(list((finished / "wandb").glob("**/offline-run-*/*.wandb"))) == 1
    assert [path.name for path in finished.parent.iterdir()] == ["tiny"]


def test_the_same_seed_gives_the_same_figures(type_in, folder, finished, computed_anew, capsys):
    type_in(fit.main, *TINY)
    assert figures(folder) == figures(finished)
    shown = capsys.readouterr().out
    assert str(folder / "scores.json") in shown
    assert f"{figures(folder)['point_auroc']:.3f}" in shown


@pytest.mark.slow
def test_of_twenty_starts_one_fits_and_the_others_leave(type_in, folder, finished, tmp_path):
    """The command itself, in twenty processes that begin together."""

    def start(number):
        with (tmp_path / f"said{number}").open("w") as said:
            sys.stderr = said
            while not (tmp_path / "go").exists():
                time.sleep(0.001)
            type_in(fit.main, *TINY)

    children = []
    for number in range(20):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                start(number)
                code = 0
            except SystemExit as left:
                code = left.code
            finally:
                os._exit(code)
        children.append(child)
    (tmp_path / "go").touch()
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sorted(codes) == [0] + [2] * 19
    for number, code in enumerate(codes):
        if code:
            said = (tmp_path / f"said{number}").read_text()
            # a lock is taken an instant before its holder is named in it
            who = r"(process \d+ on [^\n;]+|another process)"
            sentence = rf"error: {re.escape(str(folder))}: {who} works in it; [^\n]+\n"
            assert re.fullmatch(sentence, said), said
    assert figures(folder) == figures(finished)
    names = {"run.yaml", "detector.ckpt", "checkpoints", "predictions", "scores.json", ".lock"}
    assert {path.name for path in folder.iterdir()} == names


def stop_at(monkeypatch, step):
    """Let the user press Ctrl-C in a training step."""
    count = iter(range(10**6))
    original = GMANet.training_step

    def training_step(self, *arguments):
        if next(count) == step:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(GMANet, "training_step", training_step)


@pytest.mark.parametrize("step", [pytest.param(2, marks=pytest.mark.slow), 11])
def test_an_interrupted_run_ends_like_an_undisturbed_one(
    type_in, folder, finished, monkeypatch, capsys, step
):
    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patched:
        stop_at(patched, step)
        with pytest.raises(SystemExit) as caught:
            type_in(fit.main, *TINY)
    signal.signal(signal.SIGINT, handler)  # Lightning ignores further signals
    assert caught.value.code == 130
    assert "interrupted; the same command goes on" in capsys.readouterr().err
    assert not (folder / "detector.ckpt").exists()
    assert not (folder / "scores.json").exists()
    if step == 11:
        state = torch.load(Run(folder).last_checkpoint, weights_only=True)
        assert state["global_step"] == 8
    type_in(fit.main, *TINY)
    assert figures(folder) == figures(finished)


def test_a_run_killed_while_scoring_is_not_trained_again(type_in, copied, finished, monkeypatch):
    (copied / "scores.json").unlink()
    (copied / "predictions/good_000.npz").unlink()
    stop_at(monkeypatch, 0)
    type_in(fit.main, *TINY)
    assert figures(copied) == figures(finished)


def test_a_finished_run_is_shown_refused_or_overwritten(type_in, copied, monkeypatch, capsys):
    stored = (copied / "scores.json").read_bytes()
    with monkeypatch.context() as patched:
        stop_at(patched, 0)
        type_in(fit.main, *TINY, "train.workers=1")
        assert f"{figures(copied)['point_auroc']:.3f}" in capsys.readouterr().out
        with pytest.raises(SystemExit) as caught:
            type_in(fit.main, *TINY, "detector.steps=10")
    assert caught.value.code == 2
    assert "detector.steps (20 there, 10 here)" in capsys.readouterr().err
    assert (copied / "scores.json").read_bytes() == stored
    type_in(fit.main, *TINY, "detector.steps=10", "--overwrite")
    assert (copied / "scores.json").read_bytes() != stored
    assert Run(copied).config.detector.steps == 10


def test_measuring_again_gives_the_same(type_in, copied, finished):
    before = json.loads((copied / "scores.json").read_text())
    (copied / "scores.json").write_text(json.dumps({"peak_memory_mib": before["peak_memory_mib"]}))
    type_in(evaluate.main, copied)
    assert json.loads((copied / "scores.json").read_text()) == before


def test_scoring_a_file_gives_the_stored_prediction(type_in, finished, tmp_path):
    cloud = Procedural("hexagonal_nut", "test", profile="tiny")[4]
    with np.load(finished / f"predictions/{cloud.name}.npz") as stored:
        score = stored["score"]
    said = load_detector(Run(finished)).score(cloud)
    np.testing.assert_array_equal(said.points, score)
    whole = said.object
    assert whole == pytest.approx(figures(finished)["objects"][cloud.name], abs=1e-6)
    order = np.random.default_rng(0).permutation(len(cloud))
    file = tmp_path / "scans/part.pcd"
    write_cloud(file, cloud.replace(pos=cloud.pos[order], label=None))
    type_in(predict.main, finished, file, "-o", tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"part.scores.{ending}" for ending in ("json", "npz", "ply", "png")]
    assert [path.name for path in file.parent.iterdir()] == ["part.pcd"]
    with np.load(tmp_path / "out/part.scores.npz") as made:
        np.testing.assert_allclose(made["score"], score[order], atol=1e-4)
        assert made["object_score"] == pytest.approx(whole, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 4])
def test_a_killed_process_resumes(type_in, folder, finished, tmp_path, after):
    """SIGKILL once so many checkpoints have been written: nobody can tidy up."""
    code = (
        "from gmanet.datasets.procedural.dataset import PROFILES, Profile\n"
        "PROFILES['tiny'] = Profile((1500, 1800), 3, 3, 1)\n"
        "from gmanet.fit import main; main()"
    )
    environment = {**os.environ, "GMANET_RUNS": str(tmp_path / "runs")}
    process = subprocess.Popen([sys.executable, "-c", code, *TINY], env=environment)
    written = set()
    while len(written) < after and process.poll() is None:
        written |= {path.stat().st_mtime_ns for path in folder.glob("checkpoints/*.ckpt")}
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "scores.json").exists()
    assert written
    type_in(fit.main, *TINY)
    assert figures(folder) == figures(finished)
