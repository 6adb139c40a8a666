"""A scan of five million points is read and scored in little memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from gmanet import fit
from gmanet.cloud import Cloud
from gmanet.data.files import write_cloud
from gmanet.run import Run

POINTS = 5_000_000
ABOVE = 2**31
"""Bytes that a process may hold beyond the file's size, its libraries included."""

PEAK = """
import resource, sys
from gmanet.predict import main
main()
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
    path = tmp_path / "large.ply"
    write_cloud(path, Cloud((torus + rng.normal(0, 0.01, torus.shape)).astype(np.float32)))
    done = subprocess.run(
        [sys.executable, "-c", PEAK, Run.root() / "short", path, "-o", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=True,
    )
    with np.load(tmp_path / "out/large.scores.npz") as scores:
        assert scores["score"].shape == (POINTS,)
        assert np.isfinite(scores["score"]).all()
    peak = int(done.stdout.split()[-1])
    assert peak < path.stat().st_size + ABOVE, f"{peak / 2**20:.0f} MiB"
