"""A scan of five million points is read, cleaned and scored in little memory."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from gmanet.cloud import Cloud
from gmanet.formats import read_cloud, write_cloud
from gmanet.runs.folder import Run

fit = import_module("gmanet.fit")

POINTS = 5_000_000
ABOVE = 2**31
"""Bytes that a process may hold beyond the file's size, its libraries included."""

PEAK = """
import resource, sys
from importlib import import_module
try:
    import_module("gmanet." + sys.argv.pop(1)).main()
except SystemExit as left:  # the exit code of a verdict
    assert left.code in (1, 3)
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
def test_five_million_points_are_scored(tmp_path, type_in):
    words = ("detector.steps=4", "data.profile=tiny", "data.category=washer", "train.pictures=0")
    type_in(fit.main, *words, "name=short")
    rng = np.random.default_rng(0)
    angle, across = rng.uniform(0, 2 * np.pi, POINTS), rng.uniform(0, 2 * np.pi, POINTS)
    far = 10 + 2 * np.cos(across)
    torus = np.column_stack([far * np.cos(angle), far * np.sin(angle), 2 * np.sin(across)])
    path = tmp_path / "scans/large.ply"
    write_cloud(path, Cloud((torus + rng.normal(0, 0.01, torus.shape)).astype(np.float32)))
    scored = ("predict", Run.root() / "short", path, "-o", tmp_path / "out")
    cleaned = ("prepare", path.parent, "-o", tmp_path / "clean", "rounds=1", "cell=0.05")
    for words in (scored, cleaned):
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *words], capture_output=True, text=True, check=True
        )
        peak = int(done.stdout.split()[-1])
        assert peak < path.stat().st_size + ABOVE, f"{words[0]}: {peak / 2**20:.0f} MiB"
    with np.load(tmp_path / "out/large.scores.npz") as scores:
        assert scores["score"].shape == (POINTS,)
        assert np.isfinite(scores["score"]).all()
    assert 10_000 < len(read_cloud(tmp_path / "clean/large.ply")) < POINTS / 2
