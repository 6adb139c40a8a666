"""A wheel, installed elsewhere: commands, detectors, named files and the README's Python lines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from dataclasses import replace
from pathlib import Path

import pytest

import gmanet
from gmanet.config.compose import CONF, compose
from gmanet.config.schema import resolved
from gmanet.detectors.table import DETECTORS
from gmanet.formats import write_cloud

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SHORT = {"detector.steps": 2, "synthesis.twins": 2}
COMPOSED = """
import json, sys
from gmanet.config.compose import compose
from gmanet.config.schema import resolved
print(json.dumps([resolved(compose([text])) for text in sys.argv[1:]]))
"""


def pip(*words):
    typed = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, words)]
    return subprocess.run(typed, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return the wheel of this checkout, built in isolation."""
    folder = tmp_path_factory.mktemp("wheel")
    found = pip("download", "--quiet", "--no-deps", "--dest", folder / "backend", "hatchling")
    if found.returncode:
        pytest.skip(f"no package registry has hatchling: {found.stderr.strip()[-200:]}")
    made = pip("wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    assert made.returncode == 0, made.stderr[-2000:]
    return next(folder.glob("gmanet-*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Return a new environment with the wheel, and the dependencies of the running one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    done = pip("--python", folder / "bin/python", "install", "--no-deps", "--no-index", wheel)
    assert done.returncode == 0, done.stderr[-2000:]
    site = next((folder / "lib").glob("python*/site-packages"))
    # The .pth files in there, such as that of an editable install, are not read.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def typed(environment, tmp_path, monkeypatch):
    """Return a function that runs a program of the environment in an empty folder."""
    monkeypatch.setenv("PATH", f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}")
    for key in ("PYTHONPATH", "GMANET_RUNS"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.chdir(tmp_path)

    def run(program, *words):
        call = [environment / "bin" / program, *map(str, words)]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        verdicts = (1, 3) if "predict" in words else ()
        assert done.returncode in (0, *verdicts), done.stdout[-1000:] + done.stderr[-3000:]
        return done.stdout

    return run


@pytest.fixture
def parts(tmp_path, bumped_plate):
    """Write the scans that the README names."""
    for seed in range(4):
        cloud = replace(bumped_plate(1500, seed, 0), label=None)
        write_cloud(tmp_path / f"my_parts/good/{seed}.ply", cloud)
    write_cloud(tmp_path / "my_parts/bump/0.ply", bumped_plate(1500, 8))
    write_cloud(tmp_path / "part.ply", bumped_plate(1500, 9))
    return tmp_path


def test_it_is_the_wheel_that_is_run(typed, environment):
    assert typed("gmanet", "--version") == f"gmanet {gmanet.__version__}\n"
    file = typed("python", "-c", "import gmanet; print(gmanet.__file__)").strip()
    assert Path(file).is_relative_to(environment)
    assert (Path(file).parent / "py.typed").is_file()


def test_every_name_gives_the_settings_of_the_checkout(typed):
    names = [f"detector={name}" for name in DETECTORS]
    for section in ("detector", "data", "train"):
        names += [f"{section}={path.stem}" for path in (CONF / section).glob("*.yaml")]
    assert len(names) > 30
    found = json.loads(typed("python", "-c", COMPOSED, *names))
    expected = [json.loads(json.dumps(resolved(compose([name])))) for name in names]
    assert found == expected
    assert found[names.index("data=real3d")]["data"]["views"] == 6


def test_somebody_elses_named_files_are_not_read(typed, environment):
    site = next((environment / "lib").glob("python*/site-packages"))
    foreign = site / "conf/default.yaml"
    foreign.parent.mkdir()
    try:
        foreign.write_text("seed: 77\n", encoding="utf-8")
        assert json.loads(typed("python", "-c", COMPOSED, "name=a"))[0]["seed"] == 0
    finally:
        foreign.unlink()
        foreign.parent.rmdir()


def test_commands_fit_and_predict(typed, parts):
    overrides = [f"{key}={value}" for key, value in SHORT.items()]
    overrides += ["train.workers=0", "train.pictures=0"]
    printed = typed("gmanet", "fit", "data=folder", "data.root=my_parts", "name=part", *overrides)
    assert "object AUROC" in printed
    assert "object score" in typed("gmanet", "predict", "runs/part", "part.ply")
    assert (parts / "gmanet-scores/part.scores.ply").is_file()


def test_the_python_lines_of_the_readme_run(typed, parts):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    for code in blocks:
        short = code.replace('"detector.steps": 100', '"detector.steps": 2, "synthesis.twins": 2')
        assert short != code
        typed("python", "-c", short)
    assert (parts / "part.gmanet").is_file()
