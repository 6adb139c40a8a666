"""A run's folder: made once, refused to others, read back whole or refused in one sentence."""

from __future__ import annotations

import json
import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from gmanet.config.compose import compose
from gmanet.config.overrides import load
from gmanet.config.schema import resolved
from gmanet.detectors.stored import identity, load_detector
from gmanet.detectors.table import DETECTORS
from gmanet.errors import InputError
from gmanet.runs.folder import Run
from gmanet.runtime.provenance import provenance


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("GMANET_RUNS", str(tmp_path / "runs"))
    for key in ("RANK", "LOCAL_RANK", "SLURM_PROCID", "SLURM_RESTART_COUNT"):
        monkeypatch.delenv(key, raising=False)
    return tmp_path / "runs"


def create(*overrides, **options):
    return Run.create(compose(overrides), overrides=overrides, **options)


def test_a_new_run_is_recorded_and_opens(root):
    run = create("seed=3", "synthesis.twins=5")
    assert run.folder == root / "procedural/hexagonal_nut/gmanet-synthesis.twins=5/seed3"
    assert [path.name for path in run.folder.iterdir()] == ["run.yaml"]
    record = load(run.config_file)
    assert record["config"] == resolved(compose(["seed=3", "synthesis.twins=5"]))
    assert record["command"] == ["seed=3", "synthesis.twins=5"]
    assert record["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert (
        Run.open(str(run.folder)).config == run.config == compose(["seed=3", "synthesis.twins=5"])
    )


def test_runs_lie_in_runs_where_nothing_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("GMANET_RUNS")
    monkeypatch.chdir(tmp_path)
    assert create("name=a").folder.resolve() == tmp_path / "runs/a"


def test_paths_of_the_contract(root):
    run = Run(root / "a")
    names = [
        "config_file",
        "detector_file",
        "scores_file",
        "checkpoints",
        "predictions",
        "pictures",
        "wandb",
    ]
    assert [getattr(run, name).name for name in names] == [
        "run.yaml",
        "detector.ckpt",
        "scores.json",
        "checkpoints",
        "predictions",
        "pictures",
        "wandb",
    ]
    assert {getattr(run, name).parent for name in names} == {run.folder}


def test_the_same_run_goes_on_wherever_it_computes():
    first = create("name=a", "seed=3")
    before = first.config_file.read_text()
    again = create("name=a", "seed=3", "train.devices=2", "wandb.mode=disabled")
    assert again.folder == first.folder
    assert again.config_file.read_text() == before


def test_another_configuration_is_refused():
    run = create("name=a", "synthesis.twins=5")
    with pytest.raises(InputError) as caught:
        create("name=a", "synthesis.twins=6", "train.precision=bf16-mixed", "train.workers=0")
    message = str(caught.value)
    assert "synthesis.twins (5 there, 6 here); train.precision (32-true there, bf16-" in message
    assert "--overwrite" in message
    assert "workers" not in message
    assert run.config.synthesis.twins == 5


def test_overwriting_starts_anew():
    run = create("name=a", "seed=3")
    run.write_scores({"x": 1})
    assert create("name=a", "seed=4", overwrite=True).config.seed == 4
    assert not run.scores_file.exists()


def test_a_requeued_job_does_not_overwrite_itself(monkeypatch):
    run = create("name=a", overwrite=True)
    run.write_scores({"x": 1})
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    create("name=a", overwrite=True)
    assert run.read_scores() == {"x": 1}


@pytest.mark.parametrize("key", ["RANK", "LOCAL_RANK", "SLURM_PROCID"])
def test_only_the_first_process_touches_the_folder(monkeypatch, key):
    run = create("name=a", "seed=3")
    monkeypatch.setenv(key, "1")
    assert create("name=a", "seed=4", overwrite=True).config.seed == 3
    assert not create("name=b").folder.exists()
    monkeypatch.setenv(key, "0")
    assert create("name=a", "seed=4", overwrite=True).config.seed == 4
    assert run.config.seed == 4


def test_what_is_no_run_is_never_deleted(root):
    (root / "a").mkdir(parents=True)
    (root / "a/thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="exists and is no run"):
            create("name=a", overwrite=overwrite)
    assert (root / "a/thesis.txt").read_text() == "years of work"
    (root / "b").mkdir()
    assert create("name=b").config_file.is_file()


def test_runs_do_not_nest():
    create("name=a/b")
    with pytest.raises(InputError, match="lies within the run"):
        create("name=a/b/c/d")
    with pytest.raises(InputError, match="is no run"):
        create("name=a", overwrite=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "no such folder"),
        ("", "holds no run.yaml"),
        ("seed: 1", "holds no config"),
        ("config: {sed: 1}", "run.yaml: no key 'sed'"),
        ("config: [", "is no YAML mapping"),
    ],
)
def test_what_does_not_open(root, text, found):
    folder = root / "a"
    if text is not None:
        folder.mkdir(parents=True)
    if text:
        (folder / "run.yaml").write_text(text)
    with pytest.raises(InputError, match=found):
        Run.open(folder)


def test_finished_and_the_last_checkpoint():
    run = create()
    assert run.last_checkpoint is None
    assert not run.finished
    run.checkpoints.mkdir()
    for stamp, name in ((2, "epoch=9"), (3, "epoch=10"), (1, "last")):
        path = run.checkpoints / f"{name}.ckpt"
        path.touch()
        os.utime(path, (stamp, stamp))
    assert run.last_checkpoint.name == "epoch=10.ckpt"
    run.write_scores({})
    assert not run.finished
    run.detector_file.touch()
    assert run.finished


# ------------------------------------------------------------------ scores


def test_scores_are_sorted_json_without_nan():
    run = create()
    scores = {
        "b": math.nan,
        "a": np.float32(0.5),
        "kinds": {"dent": [math.inf, 1]},
        "n": np.int64(2),
    }
    run.write_scores(scores)
    assert run.read_scores() == {"a": 0.5, "b": None, "kinds": {"dent": [None, 1]}, "n": 2}
    text = run.scores_file.read_text()
    assert text.startswith('{\n  "a": 0.5,\n  "b": null')
    assert text.endswith("}\n")


@pytest.mark.parametrize("text", [None, "{", "[1]", "\udcff"])
def test_damaged_scores(text):
    run = create()
    if text is not None:
        run.scores_file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"scores\.json: .*, wanted (scores of|named scores)"):
        run.read_scores()


def test_a_failed_write_leaves_the_older_file():
    run = create()
    run.write_scores({"x": 1})
    with pytest.raises(TypeError):
        run.write_scores({"x": object()})
    assert run.read_scores() == {"x": 1}
    assert sorted(path.name for path in run.folder.iterdir()) == ["run.yaml", "scores.json"]


# ------------------------------------------------------------------ detector


def test_a_detector_comes_back():
    run = create()
    kind = DETECTORS[run.config.detector.name]
    detector = kind(run.config.detector)
    detector.part, detector.fitted_on = "washer", frozenset(["0" * 32])
    detector.save(run.detector_file)
    again = kind(run.config.detector)
    run.restore(again)
    assert identity(again) == identity(detector)
    assert (again.part, again.fitted_on) == ("washer", detector.fitted_on)
    found = load_detector(run.detector_file)
    assert (found["format"], found["detector"]) == (2, run.config.detector.name)


class Harmful:
    def __reduce__(self):
        return print, ("ran",)


def test_what_is_no_detector(capsys):
    run = create()
    with pytest.raises(InputError, match=r"detector\.ckpt: no such file"):
        load_detector(run.detector_file)
    for content in (b"", b"words", pickle.dumps({"a": 1})):
        run.detector_file.write_bytes(content)
        with pytest.raises(InputError, match=r"detector\.ckpt: "):
            load_detector(run.detector_file)
    torch.save({"detector": Harmful()}, run.detector_file)
    with pytest.raises(InputError, match=r"detector\.ckpt: cannot be read"):
        load_detector(run.detector_file)
    assert "ran" not in capsys.readouterr().out
    torch.save([1], run.detector_file)
    with pytest.raises(InputError, match="is no detector"):
        load_detector(run.detector_file)
    torch.save(
        {"format": 9, "gmanet": "9.1", "detector": "", "config": {}, "state": {}},
        run.detector_file,
    )
    with pytest.raises(InputError, match=r"by gmanet 9\.1 in format 9, wanted format 2"):
        load_detector(run.detector_file)


# ------------------------------------------------------------------ provenance


def git(folder, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_of_a_checkout(tmp_path, monkeypatch):
    (tmp_path / "gmanet/runtime").mkdir(parents=True)
    file = tmp_path / "gmanet/runtime/provenance.py"
    file.write_text("")
    monkeypatch.setattr("gmanet.runtime.provenance.__file__", str(file))
    assert provenance([])["commit"] is None
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert provenance([])["commit"] == head
    file.write_text("changed")
    assert provenance([])["commit"] == f"{head}-dirty"
    monkeypatch.setenv("PATH", "")
    assert provenance([])["commit"] is None


def test_the_record_is_plain(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["fit.py", "seed=1"])
    record = provenance()
    assert json.loads(json.dumps(record)) == record
    assert record["command"] == ["seed=1"]
    assert record["versions"]["python"].startswith(f"3.{sys.version_info.minor}.")
    assert record["versions"]["gmanet"] is not None
    assert record["machine"]["cores"] >= 1
    assert record["machine"]["processor"]
