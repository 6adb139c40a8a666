"""The image: what its file promises, and, where it can be built, that a run in it works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions(name):
    lines = re.sub(r"\\\n", " ", FILE).splitlines()
    return [line.partition(" ")[2] for line in lines if line.startswith(f"{name} ")]


def test_the_base_can_be_swapped_and_nobody_is_root():
    assert FILE.index("ARG BASE=") < FILE.index("FROM ${BASE}")
    assert instructions("USER")[-1] == "1000"
    assert instructions("ENTRYPOINT") == ['["python", "-m", "gmanet.fit"]']


def test_what_is_copied_is_there_and_not_ignored():
    wanted = {path.strip("!") for path in (ROOT / ".dockerignore").read_text().split()}
    for line in instructions("COPY"):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists()
            assert name in wanted


@pytest.mark.skipif(not shutil.which("hadolint"), reason="hadolint is not installed")
def test_lint():
    assert subprocess.run(["hadolint", ROOT / "Dockerfile"], check=False).returncode == 0


@pytest.mark.slow
def test_a_run_in_the_image(tmp_path):
    """Build with buildah, without an engine; BASE and further options come from the environment."""
    base = os.environ.get("GMANET_IMAGE_BASE")
    if not base or not shutil.which("buildah") or os.geteuid() != 0:
        pytest.skip("wants root, buildah and an image to build on, named by GMANET_IMAGE_BASE")
    options = os.environ.get("GMANET_IMAGE_OPTIONS", "").split()
    environment = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot", **os.environ}

    def buildah(*words):
        done = subprocess.run(
            ["buildah", *words], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    buildah("bud", *options, "--build-arg", f"BASE={base}", "-t", "localhost/gmanet-test", ROOT)
    container = buildah("from", "localhost/gmanet-test").strip()
    try:
        (tmp_path / "runs").mkdir(mode=0o777)
        (tmp_path / "runs").chmod(0o777)
        volume = f"--volume={tmp_path / 'runs'}:/app/runs"
        words = ("detector=curvature", "data.train_clouds=2", "train.pictures=1", "name=seen")
        buildah("run", volume, container, "--", "python", "-m", "gmanet.fit", *words)
        made = tmp_path / "runs/seen"
        assert {"scores.json", "detector.ckpt"} <= {path.name for path in made.iterdir()}
        assert (made / "scores.json").stat().st_uid == 1000
    finally:
        buildah("rm", container)
