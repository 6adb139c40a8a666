"""The image: what its file promises, and, where it can be built, that a run in it works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
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
    assert not instructions("HEALTHCHECK")


def test_what_is_copied_is_there_and_not_ignored():
    wanted = {path.strip("!") for path in (ROOT / ".dockerignore").read_text().split()}
    for line in instructions("COPY"):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists()
            assert name in wanted


def test_lint():
    found = shutil.which("hadolint") or shutil.which("hadolint", path=Path(sys.executable).parent)
    if not found:
        pytest.skip("hadolint is not installed")
    assert subprocess.run([found, ROOT / "Dockerfile"], check=False).returncode == 0


def buildah(*words):
    """Run buildah without an engine; return what it printed."""
    environment = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot", **os.environ}
    typed = ["buildah", *map(str, words)]
    done = subprocess.run(typed, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def pip_settings():
    """Return options that let pip in the build use this machine's settings and local packages."""

    def pip(*words):
        typed = [sys.executable, "-m", "pip", "config", *words]
        return subprocess.run(typed, capture_output=True, text=True, check=False).stdout

    named = re.findall(r"^\s*(/.+), exists: True$", pip("debug"), re.MULTILINE)
    said = pip("list")
    named += [str(Path(path).parent) for path in re.findall(r"file://(/[^\s']+)", said)]
    named += re.findall(r"(?<=[\s'])(/[^\s']+)", said)
    return [f"--volume={path}:{path}:ro" for path in dict.fromkeys(named) if Path(path).exists()]


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("GMANET_IMAGE_LAB"), reason="run by: make test-image")
def test_a_run_in_the_image(tmp_path):
    """GMANET_IMAGE_BASE names an image to build on; without it one is made by debootstrap."""
    base = os.environ.get("GMANET_IMAGE_BASE")
    if os.geteuid() != 0:
        pytest.skip("buildah wants root here")
    if not shutil.which("buildah") or not (base or shutil.which("debootstrap")):
        pytest.skip("wants the packages buildah and debootstrap")
    if not base:
        base = "localhost/gmanet-test-base"
        subprocess.run([ROOT / "tests/image/base.sh", tmp_path / "base", base], check=True)
    words = ("--layers", f"--build-arg=BASE={base}", "--tag=localhost/gmanet-test")
    buildah("bud", *pip_settings(), *words, ROOT)
    container = buildah("from", "localhost/gmanet-test").strip()
    try:
        runs = tmp_path / "runs"
        runs.mkdir()
        runs.chmod(0o777)
        short = ("data.train_clouds=4", "synthesis.twins=8", "detector.steps=60", "name=short")
        typed = ("python", "-m", "gmanet.fit", *short)
        said = buildah("run", f"--volume={runs}:/app/runs", container, "--", *typed)
        assert "runs/short/scores.json" in said
        for name in ("scores.json", "detector.ckpt"):
            assert (runs / "short" / name).stat().st_uid == 1000
    finally:
        buildah("rm", container)
