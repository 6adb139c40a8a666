"""What all tests share: one thread per process, a cache, and clouds whose answers are known."""

from __future__ import annotations

import json
import os
import subprocess
import sys

# Before NumPy and torch are imported: two OpenMP threads in each xdist process thrash.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.procedural.dataset import PROFILES, Profile
from gmanet.errors import command


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    """Registrations, curvatures and encoders of the same clouds are computed once in a session.

    The folder is new in every session; the processes of pytest-xdist share it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GMANET_CACHE", str(shared / "cache"))
        yield


@pytest.fixture
def computed_anew(monkeypatch):
    """Take nothing from that cache: for tests that the same is computed twice."""
    monkeypatch.delenv("GMANET_CACHE", raising=False)


def _plate(count, rng):
    return np.column_stack([rng.uniform(-1, 1, (count, 2)), np.zeros(count)])


@pytest.fixture(scope="session")
def plate():
    """Return ``plate(count, seed)``: an even square of side 2 without thickness or noise."""

    def make(count=2000, seed=0):
        pos = _plate(count, np.random.default_rng(seed))
        return Cloud(pos.astype(np.float32), name=f"plate{seed}", defect="good")

    return make


@pytest.fixture(scope="session")
def bumped_plate():
    """Return ``bumped_plate(count, seed, height)``: a plate with noise and, labelled, one bump."""

    def make(count=3000, seed=0, height=0.12):
        rng = np.random.default_rng(seed)
        pos = _plate(count, rng)
        place = rng.uniform(-0.5, 0.5, 2)
        cap = np.clip(1 - ((pos[:, :2] - place) ** 2).sum(axis=1) / 0.3**2, 0, 1) ** 2
        pos[:, 2] = height * cap + rng.normal(0, 0.001, count)
        defect = "bump" if height else "good"
        label = height * cap > 0.2 * height
        return Cloud(pos.astype(np.float32), label, name=f"{defect}{seed}", defect=defect)

    return make


@pytest.fixture(scope="session")
def sphere():
    """Return ``sphere(count, seed)``: points of the unit sphere with their normals."""

    def make(count=2000, seed=0):
        pos = np.random.default_rng(seed).normal(size=(count, 3))
        pos = (pos / np.linalg.norm(pos, axis=1, keepdims=True)).astype(np.float32)
        return Cloud(pos, normal=pos, name=f"sphere{seed}", defect="good")

    return make


@pytest.fixture(scope="session")
def cylinder():
    """Return ``cylinder(count, seed)``: the mantle of radius 1 and length 4 with its normals."""

    def make(count=2000, seed=0):
        rng = np.random.default_rng(seed)
        angle = rng.uniform(0, 2 * np.pi, count)
        normal = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(count)])
        pos = normal + np.column_stack([np.zeros((count, 2)), rng.uniform(-2, 2, count)])
        normal = normal.astype(np.float32)
        return Cloud(pos.astype(np.float32), normal=normal, name=f"cylinder{seed}", defect="good")

    return make


@pytest.fixture(scope="session")
def moved():
    """Return ``moved(pos, seed)``: the points after a random rotation and a shift."""

    def make(pos, seed=0):
        turn = Rotation.random(random_state=seed).as_matrix()
        return (pos @ turn.T + [3.0, -2.0, 1.0]).astype(np.float32)

    return make


JUDGING = ("gmanet.predict", "gmanet.watch")
VERDICTS = (1, 3)
"""Exit codes of these commands for scans that are defective or not judged: no failures."""


class _Given(CloudDataset):
    """Clouds that are there already."""

    def __init__(self, clouds, split):
        super().__init__("plate", split)
        self.clouds = clouds

    @property
    def names(self):
        return [cloud.name for cloud in self.clouds]

    def __getitem__(self, index):
        return self.clouds[index]


@pytest.fixture(scope="session")
def given_clouds():
    """Return ``given_clouds(clouds, split)``: a data set of clouds that are there already."""
    return _Given


@pytest.fixture(scope="session")
def inspected():
    """Return ``inspected(folder)``: the records of an offline W&B run, as W&B itself reads them."""

    def read(folder):
        typed = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)]
        done = subprocess.run(typed, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this wandb cannot read its own runs: {done.stderr[-200:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    return read


def _typing(monkeypatch, root):
    monkeypatch.setenv("GMANET_RUNS", str(root))
    monkeypatch.setitem(
        PROFILES, "tiny", Profile(points=(1500, 1800), train=3, test_good=3, test_per_defect=1)
    )
    for key in (
        "WORLD_SIZE",
        "SLURM_NTASKS",
        "SLURM_STEP_ID",
        "SLURM_STEP_NUM_TASKS",
        "RANK",
        "LOCAL_RANK",
        "SLURM_PROCID",
        "SLURM_RESTART_COUNT",
    ):
        monkeypatch.delenv(key, raising=False)

    def call(main, *words):
        monkeypatch.setattr(sys, "argv", [main.__module__, *map(str, words)])
        try:
            command(main)
        except SystemExit as left:
            if main.__module__ not in JUDGING or left.code not in VERDICTS:
                raise
            return left.code
        return 0

    return call


@pytest.fixture
def type_in(tmp_path, monkeypatch):
    """Return ``type_in(main, *words)``: a command as typed, with runs in ``tmp_path/runs``.

    It returns the exit code of a command that did not fail: 0, or that of a verdict.

    ``data.profile=tiny`` is a procedural data set of three train and eight test clouds.
    """
    return _typing(monkeypatch, tmp_path / "runs")


@pytest.fixture(scope="module")
def type_once(tmp_path_factory):
    """Return the same for a fixture of a module, and the folder of its runs."""
    root = tmp_path_factory.mktemp("once")
    with pytest.MonkeyPatch.context() as patched:
        yield _typing(patched, root), root
