"""The scripts of slurm/ on a real Slurm with two virtual nodes: ``make test-slurm``."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gmanet.datasets.procedural import Procedural
from gmanet.datasets.procedural.dataset import PROFILES, Profile
from gmanet.formats import write_cloud

ROOT = Path(__file__).parents[2]
LAB = Path(__file__).with_name("lab.sh")
VARYING = {"seconds_per_cloud", "peak_memory_mib"}
PATIENCE = 1500
"""Seconds; every cell is two processes that import torch, and four run at once."""
SOON = 5
"""Seconds that a task is left in the queue before it is told to start."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("GMANET_SLURM_LAB"), reason="run by: make test-slurm"),
]

CLUSTER = """
PYTHON={python}
RUNS=runs
NODES=1 DEVICES=2 ACCELERATOR=cpu CORES=1
OPTIONS=(--time=30 --mem=500M)
WARNING=60 AT_ONCE=4 RESTARTS=5
prepare() {{ export OMP_NUM_THREADS=1; }}
"""

EXPERIMENT = """
about: Four cells, in seconds.
set:
  data: folder
  data.root: {data}
  synthesis.twins: 8
  detector.steps: 60
  detector.points: 512
  detector.centers: 256
  detector.centers_per_pair: 32
  train.pictures: 0
  train.checkpoint_every: 1000
  wandb.mode: disabled
rows:
{rows}
grid:
  seed: {seeds}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A running Slurm, and a checkout whose cluster.env describes it."""
    if os.geteuid() != 0:
        pytest.skip("the lab wants root")
    if not all(map(shutil.which, ("slurmctld", "slurmd", "munged", "sbatch"))):
        pytest.skip("the lab wants the packages slurm-wlm and munge")
    folder = tmp_path_factory.mktemp("lab")
    checkout = folder / "checkout"
    for name in ("slurm", "gmanet", "conf"):
        shutil.copytree(ROOT / name, checkout / name)
    (checkout / "slurm/cluster.env").write_text(CLUSTER.format(python=sys.executable))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        patched.setenv("PYTHONPATH", str(checkout))
        for name in list(os.environ):
            if name.startswith(("SLURM_", "SBATCH_")) and name != "SLURM_CONF":
                patched.delenv(name)
        subprocess.run([LAB, "up", folder, "2"], check=True)
        try:
            yield checkout
        finally:
            subprocess.run(["scancel", "--user=root"], check=False)
            time.sleep(1)
            subprocess.run([LAB, "down", folder], check=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Eight good train clouds and thirty test clouds of a few hundred points."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(
            PROFILES, "tiny", Profile(points=(700, 800), train=8, test_good=15, test_per_defect=3)
        )
        for split, place in (("train", "train"), ("test", "test")):
            for cloud in Procedural("washer", split, profile="tiny"):
                kind = "good" if split == "train" else cloud.defect
                write_cloud(folder / place / kind / f"{cloud.name}.ply", cloud)
    return folder


def experiment(lab, name, data, rows="  whole: []", seeds="[0, 1, 2, 3]"):
    path = lab / f"{name}.yaml"
    path.write_text(EXPERIMENT.format(data=data, rows=rows, seeds=seeds))
    return path


def submit(lab, *words, script="sweep.sh"):
    done = subprocess.run(
        [lab / "slurm" / script, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.match(r"job (\d+)", done.stdout)
    return (found[1] if found else None), done.stdout


def waiting(job, since):
    """Return how many tasks of a job are not done; those in the queue again start soon.

    At once is too soon: the node may still refuse what it was just told to end.

    Args:
        job: Its number.
        since: When each task was first seen in the queue; changed.
    """
    asked = ["squeue", "--noheader", "--array", f"--job={job}", "--format=%i %T"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()
    for line in lines:
        task, state = line.split()
        if state != "PENDING":
            since.pop(task, None)
        elif time.monotonic() - since.setdefault(task, time.monotonic()) > SOON:
            subprocess.run(
                ["scontrol", "update", f"JobId={task}", "StartTime=now"],
                capture_output=True,
                check=False,
            )
    return sum("COMPLET" not in line for line in lines)


def finish(job, meanwhile=lambda: None):
    end = time.monotonic() + PATIENCE
    pause, since = 0, {}
    while True:
        meanwhile()
        if pause % 20 == 0 and not waiting(job, since):
            return
        pause += 1
        assert time.monotonic() < end, f"job {job} is not done"
        time.sleep(0.05)


def status(lab, path):
    """Return what the cells of an experiment are said to be."""
    typed = [sys.executable, "-m", "gmanet.sweep", path, "--status"]
    return subprocess.run(typed, cwd=lab, capture_output=True, text=True, check=True).stdout


def figures(folder):
    found = json.loads((folder / "scores.json").read_text())
    return {key: value for key, value in found.items() if key not in VARYING}


STUB = """#!/bin/bash
# Stands for Python: four cells: the second waits for a signal, the last has no overrides.
case "$*" in
*--missing*) echo 0-3 ;;
*--cell*)
    [[ ${!#} == 3 ]] && { echo "error: odd cell" >&2; exit 2; }
    printf 'name=%s\\nseed=0\\n' "${!#}"
    ;;
*name=0*) exit 0 ;;
*name=1*)
    [[ ${SLURM_RESTART_COUNT:-0} -ge 1 ]] && exit 0
    trap 'exit 75' USR1
    echo ready
    for _ in {1..600}; do sleep 0.1; done
    ;;
*name=2*)
    [[ $SLURM_PROCID == 0 ]] && { echo "error: no such folder" >&2; exit 2; }
    sleep 60
    ;;
esac
"""


def test_what_the_job_does_with_each_exit_code(lab, tmp_path):
    """In seconds: Python itself is left out."""
    python = tmp_path / "python"
    python.write_text(STUB)
    python.chmod(0o755)
    (lab / "stub.yaml").touch()
    env = lab / "slurm/cluster.env"
    before = env.read_text()
    env.write_text(before.replace(f"PYTHON={sys.executable}", f"PYTHON={python}"))
    logs = lab / "runs/slurm"
    told = []

    def signal_the_second():
        out = logs / f"stub-{job}_1.out"
        if not told and out.exists() and out.read_text().count("ready") == 2:
            told.append(True)
            subprocess.run(["scancel", "--batch", "--signal=USR1", f"{job}_1"], check=True)

    try:
        job, said = submit(lab, lab / "stub.yaml", "wandb.mode=disabled")
        assert f"job {job}: 4 runs of stub (0-3)" in said
        finish(job, signal_the_second)
    finally:
        env.write_text(before)
    assert "back in the queue (restart 1)" in (logs / f"stub-{job}_1.out").read_text()
    failed = {path.stem: path.read_text() for path in logs.glob(f"stub-{job}_*.failed")}
    assert set(failed) == {f"stub-{job}_2", f"stub-{job}_3"}
    assert "name=2 seed=0 wandb.mode=disabled: exit code" in failed[f"stub-{job}_2"]
    assert "error: no such folder" in failed[f"stub-{job}_2"]
    assert "error: odd cell" in failed[f"stub-{job}_3"]


@pytest.fixture(scope="module")
def undisturbed(lab, data):
    """The folder of four cells, two processes each, that nobody disturbed."""
    job, said = submit(lab, experiment(lab, "calm", data))
    assert f"job {job}: 4 runs of calm (0-3)" in said
    finish(job)
    return lab / "runs/calm/whole"


def test_an_array_runs_every_cell_once(lab, undisturbed):
    for seed in range(4):
        folder = undisturbed / str(seed)
        assert figures(folder)["n_clouds"] == 30
        assert not list((lab / "runs/slurm").glob("calm-*.failed"))
    different = {json.dumps(figures(undisturbed / str(seed))) for seed in range(4)}
    assert len(different) == 4
    job, said = submit(lab, lab / "calm.yaml")
    assert job is None
    assert "every run is done" in said


def running(words):
    """Return whether a process of a run was started by srun and imports, or has imported."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            typed = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"python" in typed[0] and b"gmanet.fit" in typed and words.encode() in typed:
            return True
    return False


def test_a_signal_at_any_time_loses_nothing(lab, data, undisturbed):
    job, _ = submit(lab, experiment(lab, "rough", data))
    runs = lab / "runs/rough/whole"

    def shown(task, text):
        path = lab / f"runs/slurm/rough-{job}_{task}.out"
        return path.exists() and re.search(text, path.read_text(errors="replace"))

    moments = {
        0: lambda: running("name=rough/whole/0"),
        1: lambda: shown(1, r"normal clouds and twins: +\d"),
        2: lambda: shown(2, r"fit: +[1-9]\d*%") or shown(2, r"fit:.* [1-9]\d*/60"),
        3: lambda: any((runs / "3/predictions").glob("*.npz")),
    }

    def disturb():
        for task in [task for task, come in moments.items() if come()]:
            del moments[task]
            subprocess.run(["scancel", "--batch", "--signal=USR1", f"{job}_{task}"], check=True)

    finish(job, disturb)
    assert not moments
    for task in range(4):
        assert figures(runs / str(task)) == figures(undisturbed / str(task)), task
        assert shown(task, r"back in the queue \(restart 1\)"), task
    assert shown(2, "asked to stop; the same command goes on")


def test_a_cell_that_fails_is_named_and_alone(lab, data, undisturbed):
    shutil.copytree(undisturbed / "0", lab / "runs/odd/there/0")
    rows = f"  there: []\n  lost: [data.root={lab}/nowhere]\n  seen: []"
    path = experiment(lab, "odd", data, rows, "[0]")
    job, said = submit(lab, path)
    assert f"job {job}: 2 runs of odd (1-2)" in said  # the first is done
    finish(job)
    assert figures(lab / "runs/odd/seen/0") == figures(undisturbed / "0")
    (failed,) = (lab / "runs/slurm").glob(f"odd-{job}_*.failed")
    text = failed.read_text()
    assert failed.name == f"odd-{job}_1.failed"
    assert "name=odd/lost/0" in text
    assert f"error: {lab}/nowhere: no such folder" in text
    lines = status(lab, path).splitlines()
    assert [line.split()[1] for line in lines if line[3].isdigit()] == ["done", "failed", "done"]
    assert f"exit code 2: error: {lab}/nowhere: no such folder" in lines[2]
    assert lines[-1] == "2 done, 0 running, 1 failed, 0 waiting"
    job, said = submit(lab, path)
    assert f"job {job}: 1 runs of odd (1)" in said
    subprocess.run(["scancel", job], check=True)


def words_of(lab, path, number):
    typed = [sys.executable, "-m", "gmanet.sweep", path, "--cell", str(number)]
    done = subprocess.run(typed, cwd=lab, capture_output=True, text=True, check=True)
    return [word for word in done.stdout.split("\n") if word and not word.startswith("name=")]


@pytest.fixture
def spread(lab):
    """Return ``spread(nodes, devices)``, which changes cluster.env until the test ends."""
    env = lab / "slurm/cluster.env"
    before = env.read_text()

    def change(nodes, devices):
        env.write_text(before.replace("NODES=1 DEVICES=2", f"NODES={nodes} DEVICES={devices}"))

    yield change
    env.write_text(before)


def test_two_nodes_learn_what_two_processes_of_one_node_learn(lab, undisturbed, spread):
    spread(2, 1)
    job, _ = submit(lab, *words_of(lab, lab / "calm.yaml", 0), "name=wide", script="run.sh")
    finish(job)
    assert figures(lab / "runs/wide") == figures(undisturbed / "0")


def test_four_processes_on_two_nodes_score_what_two_score(lab, undisturbed, spread):
    spread(2, 2)
    folder = lab / "runs/four"
    shutil.copytree(undisturbed / "0", folder)
    shutil.rmtree(folder / "predictions")
    (folder / "scores.json").unlink()
    job, _ = submit(lab, *words_of(lab, lab / "calm.yaml", 0), "name=four", script="run.sh")
    finish(job)
    assert figures(folder) == figures(undisturbed / "0")
