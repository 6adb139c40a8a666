"""A run notices that its data are no longer those that it was fitted on."""

from __future__ import annotations

import json
from importlib import import_module

import numpy as np
import pytest

from gmanet import predict, show
from gmanet.cloud import Cloud
from gmanet.datasets.inventory import Entry
from gmanet.formats import write_cloud
from gmanet.runs.changes import changes

fit = import_module("gmanet.fit")

WORDS = ("data=folder", "detector=btf", "name=own", "train.workers=0", "train.pictures=0")


def entry(name, fingerprint="a", truth="t"):
    return Entry(name=name, fingerprint=fingerprint, truth=truth, points=9, diameter=1.0)


def test_every_change_is_said():
    before = {"train": [entry("a"), entry("b")], "test": [entry("c"), entry("d")]}
    now = {"train": [entry("a", "z"), entry("e")], "test": [entry("c", truth="u"), entry("d")]}
    assert changes(before, before) == ""
    assert changes(before, now) == (
        "1 scan is new (train e), 1 has other points (train a), 1 has other labels (test c), "
        "1 is gone (train b)"
    )


@pytest.fixture
def scans(tmp_path, bumped_plate):
    root = tmp_path / "scans"
    for seed in range(6):
        write_cloud(root / f"good/good_{seed}.ply", bumped_plate(800, seed, height=0))
    for seed in range(2):
        write_cloud(root / f"bump/bump_{seed}.ply", bumped_plate(800, 10 + seed))
    return root


@pytest.fixture
def again(type_in, scans, capsys):
    def call():
        with pytest.raises(SystemExit) as end:
            type_in(fit.main, *WORDS, f"data.root={scans}", "wandb.mode=disabled")
        assert end.value.code == 2
        return capsys.readouterr().err

    return call


def test_changed_scans_are_noticed_and_gone_ones_named(type_in, scans, again, tmp_path, capsys):
    words = (*WORDS, f"data.root={scans}", "wandb.mode=disabled")
    type_in(fit.main, *words)
    run = tmp_path / "runs/own"
    assert set(json.loads((run / "inventory.json").read_text())) == {"train", "test"}
    type_in(fit.main, *words)
    assert "note" not in capsys.readouterr().err
    type_in(predict.main, run, scans / "good/good_0.ply", "-o", tmp_path / "out")
    fitted = "the detector was fitted on this scan" in capsys.readouterr().err
    names = [one["name"] for one in json.loads((run / "inventory.json").read_text())["train"]]
    assert fitted == any(name.endswith("good_0") for name in names)
    extra = Cloud(np.random.default_rng(0).random((800, 3)).astype(np.float32))
    write_cloud(scans / "bump/bump_9.ply", extra)
    assert "1 scan is new (test bump_9)" in again()
    (run / "scores.json").unlink()
    assert "--overwrite" in again()
    (scans / "bump/bump_9.ply").unlink()
    type_in(fit.main, *words)
    (run / "inventory.json").unlink()
    capsys.readouterr()
    type_in(fit.main, *words)
    assert "older run without inventory.json" in capsys.readouterr().err
    (scans / "bump/bump_0.ply").unlink()
    with pytest.raises(SystemExit):
        type_in(show.main, run, "bump_0")
    assert "is no longer in" in capsys.readouterr().err


def test_help_lists_the_keys_of_the_detector_that_is_named(type_in, capsys):
    type_in(fit.main, "detector=patchcore", "seed=4", "--help")
    shown = capsys.readouterr().out
    assert "detector.features = ['fpfh']" in shown
    assert "seed = 4" in shown
    assert "detector.experts" not in shown
