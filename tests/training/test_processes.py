"""Several processes of one run find exactly what one does."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from gmanet.datasets.subset import Subset
from gmanet.detectors.config import CurvatureConfig
from gmanet.detectors.curvature import Curvature
from gmanet.detectors.stored import load_detector
from gmanet.formats import write_cloud

CLOUDS = 251
VARYING = {"seconds_per_cloud", "peak_memory_mib"}


def start(runs, *words):
    """Start ``python -m gmanet.fit``; training is cheap and scoring is what is looked at."""
    environment = {**os.environ, "GMANET_RUNS": str(runs), "OMP_NUM_THREADS": "1"}
    for key in ("RANK", "LOCAL_RANK", "SLURM_PROCID", "WORLD_SIZE"):
        environment.pop(key, None)
    always = ("train.workers=0", "train.pictures=0", "wandb.mode=disabled")
    typed = [sys.executable, "-m", "gmanet.fit", *always, *words]
    return subprocess.Popen(typed, env=environment, stderr=subprocess.PIPE, text=True)


def done(process, code=0):
    said = process.communicate(timeout=900)[1]
    assert process.returncode == code, said
    return said


def record(folder):
    """Return the figures, and the scores of every cloud."""
    found = json.loads((folder / "scores.json").read_text())
    scores = {}
    for path in sorted((folder / "predictions").glob("*.npz")):
        with np.load(path) as stored:
            scores[path.stem] = stored["score"]
    return {key: value for key, value in found.items() if key not in VARYING}, scores


def assert_same(one, other):
    (figures, scores), (others, other_scores) = record(one), record(other)
    assert figures == others
    assert scores.keys() == other_scores.keys()
    for name, score in scores.items():
        np.testing.assert_array_equal(score, other_scores[name])


def write_plates(folder, bumped_plate, count):
    """Write five normal plates to fit on, and some to score, of 150 points each."""
    for seed in range(5):
        write_cloud(folder / f"train/{seed}.ply", bumped_plate(150, seed, height=0))
    for seed in range(count):
        height = 0.3 * (seed % 3 > 0)
        kind = "bump" if height else "good"
        write_cloud(folder / f"test/{kind}/{seed:03}.ply", bumped_plate(150, 10 + seed, height))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory, bumped_plate):
    """A folder of 251 plates to score."""
    return write_plates(tmp_path_factory.mktemp("plates"), bumped_plate, CLOUDS)


@pytest.fixture(scope="module")
def few(tmp_path_factory, bumped_plate):
    """A folder of 31 plates to score."""
    return write_plates(tmp_path_factory.mktemp("few"), bumped_plate, 31)


@pytest.mark.slow
def test_banks_and_figures_do_not_depend_on_the_number_of_processes(data, tmp_path):
    words = ("data=folder", f"data.root={data}", "detector=curvature", "detector.centers=96")
    for count in (1, 2, 3):
        done(start(tmp_path, *words, f"name={count}", f"train.devices={count}"))
        figures, scores = record(tmp_path / f"{count}")
        assert figures["n_clouds"] == len(scores) == CLOUDS
        assert figures["n_points"] == CLOUDS * 150
        stored = load_detector(tmp_path / f"{count}/detector.ckpt")["state"]
        first = load_detector(tmp_path / "1/detector.ckpt")["state"]
        assert all(torch.equal(stored[name], first[name]) for name in first)
        assert_same(tmp_path / "1", tmp_path / f"{count}")
        names = {path.name for path in (tmp_path / f"{count}").glob("*")}
        assert names == {"run.yaml", "scores.json", "detector.ckpt", "predictions", ".lock"}


TINY = (
    *("synthesis.twins=8", "detector.steps=300", "detector.points=120", "detector.centers=60"),
    *("detector.centers_per_pair=32", "train.checkpoint_every=1000"),
)


def logged(folder, inspected):
    """Return the id, and the values at each step, of every offline W&B run, the oldest first."""
    found = []
    for run in sorted(folder.glob("wandb/offline-run-*")):
        records = inspected(run)
        about = next(record["run"] for record in records if record["type"] == "run")
        items = [record["history"]["item"] for record in records if record["type"] == "history"]
        assert all(item["_step"] == item["trainer/global_step"] for item in items)
        found.append((about["run_id"], {int(item["_step"]): item for item in items}))
    return found


@pytest.mark.slow
def test_a_checkpoint_scores_the_same_and_a_signal_changes_nothing(few, tmp_path, inspected):
    """Two processes: undisturbed, stopped in the middle of an epoch, scoring what one fitted."""
    words = ("data=folder", f"data.root={few}", *TINY, "train.devices=2", "wandb.mode=offline")
    done(start(tmp_path, *words, "name=calm"))
    ((name, calm),) = logged(tmp_path / "calm", inspected)  # one process logs
    assert name == "calm"
    assert {"train/loss", "train/d_n", "train/d_s", "val/point_auroc", "val/object_aupr"} <= {
        key for item in calm.values() for key in item
    }

    process = start(tmp_path, *words, "name=rough")
    text = ""
    while not re.search(r"fit:[^\r]* [2-9]\d/300", text):  # some steps are logged by then
        text += process.stderr.read(1)
        assert process.poll() is None, text
    process.send_signal(signal.SIGUSR1)
    assert "asked to stop; the same command goes on" in done(process, 75)
    state = torch.load(tmp_path / "rough/checkpoints/last.ckpt", weights_only=True)
    assert 0 < state["global_step"] < 300
    done(start(tmp_path, *words, "name=rough"))
    assert_same(tmp_path / "calm", tmp_path / "rough")
    (first_name, first), (second_name, second) = logged(tmp_path / "rough", inspected)
    assert first_name == second_name == "rough"
    assert max(first) <= state["global_step"] <= min(second)
    for step, item in calm.items():  # the curves go on as if nothing had been
        if "train/loss" in item:
            assert {**first, **second}[step]["train/loss"] == item["train/loss"]

    for name, count in (("alone", 1), ("four", 4)):
        shutil.copytree(tmp_path / "calm", tmp_path / name)
        shutil.rmtree(tmp_path / name / "predictions")
        (tmp_path / name / "scores.json").unlink()
        record = tmp_path / name / "run.yaml"
        record.write_text(record.read_text().replace("name: calm", f"name: {name}"))
        done(start(tmp_path, *words, f"name={name}", f"train.devices={count}"))
        assert_same(tmp_path / "calm", tmp_path / name)


@pytest.mark.slow
def test_a_signal_while_scoring_keeps_what_is_scored(data, tmp_path):
    words = ("data=folder", f"data.root={data}", "detector=curvature", "detector.centers=96")
    done(start(tmp_path, *words, "name=calm"))
    process = start(tmp_path, *words, "name=rough")
    predictions = tmp_path / "rough/predictions"
    while len(list(predictions.glob("*.npz"))) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    done(process, 75)
    kept = {path.name: path.stat().st_mtime_ns for path in predictions.glob("[!.]*.npz")}
    assert 5 <= len(kept) < CLOUDS
    done(start(tmp_path, *words, "name=rough"))
    assert all((predictions / name).stat().st_mtime_ns == when for name, when in kept.items())
    assert_same(tmp_path / "calm", tmp_path / "rough")


def test_processes_bring_their_features_together(tmp_path):
    """Two processes saw two and one clouds; both build the bank that one process builds."""
    clouds = {
        f"c{n}": torch.randn(20, 3, generator=torch.Generator().manual_seed(n)) for n in range(3)
    }

    def bank(mine, world):
        torch.manual_seed(0)
        detector = Curvature(CurvatureConfig(bank_size=30))
        trainer = SimpleNamespace(world_size=world, datamodule=SimpleNamespace(train=range(3)))
        detector._trainer = trainer
        detector._fabric = None
        detector.on_train_start()
        for name in mine:
            detector.training_step(Data(feature=clouds[name], name=name, num_nodes=20))
        detector.on_train_end()
        return detector.banks["feature"].rows

    alone = bank(clouds, 1)
    children = []
    for rank, mine in enumerate((["c2", "c0"], ["c1", "c2"])):  # the first stands in twice
        child = os.fork()
        if child == 0:
            try:
                torch.distributed.init_process_group(
                    "gloo", init_method=f"file://{tmp_path}/meet", rank=rank, world_size=2
                )
                os._exit(0 if torch.equal(bank(mine, 2), alone) else 1)
            except BaseException:
                os._exit(2)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0, 0]


def test_what_remains_keeps_its_order(given_clouds, bumped_plate):
    whole = given_clouds([bumped_plate(100, seed) for seed in range(5)], "test")
    rest = Subset(whole, ["bump4", "bump0", "bump2", "unknown"])
    assert rest.names == ["bump0", "bump2", "bump4"]
    assert [cloud.name for cloud in rest] == rest.names
    assert rest[1] is whole[2]


@pytest.mark.slow
def test_two_processes_fit_a_supervised_network(few, tmp_path):
    """One process measures what both scored; scored by one alone, the figures are the same."""
    words = (
        *("data=folder", f"data.root={few}", "data.task=supervised", "detector=pointnet2_ssg"),
        *("detector.steps=6", "detector.clouds=2", "detector.grid=0.02", "detector.votes=1"),
    )
    done(start(tmp_path, *words, "name=two", "train.devices=2"))
    shutil.copytree(tmp_path / "two", tmp_path / "one")
    shutil.rmtree(tmp_path / "one/predictions")
    (tmp_path / "one/scores.json").unlink()
    written = tmp_path / "one/run.yaml"
    written.write_text(written.read_text().replace("name: two", "name: one"))
    done(start(tmp_path, *words, "name=one", "train.devices=1"))
    assert_same(tmp_path / "two", tmp_path / "one")
