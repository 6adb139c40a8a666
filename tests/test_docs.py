"""The documentation builds without a warning, and the lines that it shows run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gmanet.__main__ import COMMANDS
from gmanet.config.compose import compose
from gmanet.datasets.catalog import open_data
from gmanet.datasets.procedural.dataset import PROFILES, Profile
from gmanet.formats import write_cloud

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "experiments/README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- ([^\n]*) -->\n)?^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
FIT = re.compile(r"((?:python -m gmanet\.fit|gmanet fit) [^\n#]*=[^\n#]*)")
PREDICT = re.compile(r"((?:python -m gmanet\.|gmanet )predict [^\n#]*)")
"""A call that a verdict may end with 1 or 3, which is no failure."""
SHORT = "detector.steps=5 synthesis.twins=4 train.workers=0 train.pictures=0 wandb.mode=disabled"


def blocks():
    """Yield page, line, comment above, language and text of each block that can be run."""
    for page in PAGES:
        text = page.read_text("utf-8")
        for found in BLOCK.finditer(text):
            comment, language, code = found.groups()
            line = text.count("\n", 0, found.start(2)) + 1
            yield page.relative_to(ROOT).as_posix(), line, comment or "", language, code


def quick():
    """Yield the blocks without a comment above."""
    for page, line, comment, language, code in blocks():
        if not comment:
            yield pytest.param(language, code, id=f"{page}:{line}")


def slow():
    """Yield the pages that have slow blocks, each with these in order."""
    for name in dict.fromkeys(page for page, *_ in blocks()):
        shown = [block[3:] for block in blocks() if block[0] == name and block[2] == "slow"]
        if shown:
            yield pytest.param(shown, id=name)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Return a folder with the scans that the pages name, ``python`` and ``gmanet``."""
    monkeypatch.setitem(
        PROFILES, "tiny", Profile(points=(1500, 1800), train=6, test_good=1, test_per_defect=1)
    )
    config = compose(["data.profile=tiny", "data.category=washer"]).data
    good, test = (list(open_data(config, split)) for split in ("train", "test"))
    bad = next(cloud for cloud in test if cloud.label is not None and cloud.label.any())
    for index, cloud in enumerate(good):
        write_cloud(tmp_path / f"my_parts/good/{index}.ply", replace(cloud, label=None))
        write_cloud(tmp_path / f"raw/good/{index}.ply", replace(cloud, label=None))
    for path in (
        "my_parts/scratch/0.ply",
        "marked/scan.ply",
        "data/KNut/test/scan.pcd",
        "part.ply",
    ):
        write_cloud(tmp_path / path, bad)
    for folder in ("experiments", "conf"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "docs").mkdir()
    for name, words in (("python", ""), ("gmanet", "-m gmanet ")):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n', "utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("GMANET_RUNS", raising=False)
    return tmp_path


def run(folder, language, code):
    """Run a block; fits that a page describes are short here."""
    short = PREDICT.sub(r"\1 || [ $? -ne 2 ] ", FIT.sub(rf"\1 {SHORT} ", code))
    code = code.replace('"detector.steps": 100', '"detector.steps": 5, "synthesis.twins": 4')
    code = code.replace('"detector.steps=50"', '"detector.steps=5"')
    typed = ["bash", "-eu", "-c", short] if language == "bash" else ["python", "-c", code]
    done = subprocess.run(typed, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{code}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize(("language", "code"), quick())
def test_a_quick_block_runs(desk, language, code):
    run(desk, language, code)


@pytest.mark.slow
@pytest.mark.parametrize("shown", slow())
def test_the_slow_blocks_of_a_page_run(desk, shown):
    for language, code in shown:
        run(desk, language, code)


def test_every_block_is_run_or_says_why_not():
    comments = [comment for _, _, comment, _, _ in blocks()]
    assert len(comments) > 10
    allowed = re.compile(r"slow|not run: .{10,}|")
    assert not [comment for comment in comments if not allowed.fullmatch(comment)]
    fences = sum(page.read_text("utf-8").count("```bash\n") for page in PAGES)
    fences += sum(page.read_text("utf-8").count("```python\n") for page in PAGES)
    assert len(comments) == fences


def test_a_block_that_fails_is_found(tmp_path):
    with pytest.raises(AssertionError, match="no_such_program"):
        run(tmp_path, "bash", "no_such_program\ntrue\n")


def test_every_command_of_the_readme_exists():
    named = set(re.findall(r"`gmanet ([a-z]+)", (ROOT / "README.md").read_text("utf-8")))
    assert set(COMMANDS) <= named
    assert not [name for name in named if not (ROOT / f"gmanet/{name}.py").is_file()]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(["-D", "autodoc_typehints=none"], id="without_types"),
        pytest.param([], id="whole", marks=pytest.mark.slow),
    ],
)
def test_the_site_builds_without_a_warning(tmp_path, settings):
    """The quick one leaves out the types in signatures, whose links take long to look up."""
    pytest.importorskip("sphinx")
    pytest.importorskip("myst_parser")
    typed = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", *settings]
    typed += ["-d", tmp_path / "doctrees", "-c", ROOT / "docs", ROOT, tmp_path / "site"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(typed, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    pages = {path.stem for path in (tmp_path / "site/docs/api").glob("*.html")}
    folders = {path.parent.name for path in (ROOT / "gmanet").glob("*/__init__.py")}
    assert pages == {"gmanet", *folders}
    shown = "".join(path.read_text("utf-8") for path in (tmp_path / "site/docs/api").glob("*.html"))
    written = sum(
        path.read_text("utf-8").count(":math:`") for path in (ROOT / "gmanet").rglob("*.py")
    )
    assert shown.count('class="math ') >= 0.9 * written > 30
