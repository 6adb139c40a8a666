"""Imports point one way, modules have names, and the package itself loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import gmanet

PACKAGE = Path(gmanet.__file__).parent
LAYERS = [
    *("errors", "runtime", "cloud", "formats", "geometry", "metrics", "view"),
    *("cleaning", "registration", "synthesis", "networks"),
    *("datasets", "turntable", "detectors", "training", "evaluation", "config", "runs"),
]
LOOSE = ["__init__", "__main__", "cloud", "errors"]
COMMANDS = [
    *("fit", "predict", "evaluate", "benchmark", "prepare", "synthesize", "show", "sweep"),
    *("report", "efficiency", "statistics", "annotate"),
]
LARGEST = 3600
"""Lines of the files that lie directly in one folder, at most."""
RANK = {name: rank for rank, name in enumerate(LAYERS)} | dict.fromkeys(COMMANDS, len(LAYERS))


def imported(path):
    """Return full names of the package's modules and attributes that a file imports, anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: line {node.lineno}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("gmanet.") for name in found if name.startswith("gmanet.")}


def wrong_imports(package):
    """Return a sentence for each import that points to a later layer."""
    wrong = []
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package).with_suffix("").parts
        if module == ("__init__",):
            wrong += [f"gmanet imports {name}" for name in imported(path)]
            continue
        if module == ("__main__",):  # it starts any command
            continue
        if module[0] not in RANK:
            wrong.append(f"{module[0]} is in no layer")
            continue
        for name in imported(path):
            layer = name.partition(".")[0]
            if layer in RANK and RANK[layer] > RANK[module[0]]:
                wrong.append(f"{'.'.join(module)} imports {name}")
            if layer not in RANK and not layer.startswith("_"):
                wrong.append(f"{'.'.join(module)} imports {name}, which is in no layer")
    return wrong


def test_imports_point_one_way():
    assert wrong_imports(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("geometry/bad.py", "from gmanet.detectors.base import Detector"),
        ("geometry/bad.py", "import gmanet.runs.folder"),
        ("geometry/bad.py", "from gmanet import config"),
        ("datasets/bad.py", "def f():\n    from gmanet.detectors.gmanet.sdo import sdo_loss"),
        ("config/bad.py", "from gmanet.fit import main"),
        ("surprise.py", ""),
        ("__init__.py", "from gmanet import cloud"),
    ],
)
def test_a_planted_import_is_found(tmp_path, file, line):
    (tmp_path / "geometry").mkdir()
    (tmp_path / "datasets").mkdir()
    (tmp_path / "config").mkdir()
    (tmp_path / "fit.py").write_text("from gmanet.predict import main\nfrom gmanet import runs")
    (tmp_path / "datasets/good.py").write_text("from gmanet.cloud import Cloud\nimport numpy")
    assert wrong_imports(tmp_path) == []
    (tmp_path / file).write_text(line)
    assert len(wrong_imports(tmp_path)) == 1


def test_a_relative_import_is_found(tmp_path):
    (tmp_path / "cloud.py").write_text("from . import errors")
    with pytest.raises(AssertionError, match="a relative import"):
        wrong_imports(tmp_path)


def test_every_module_has_a_name():
    nameless = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    parts = {part for path in PACKAGE.rglob("*.py") for part in path.relative_to(PACKAGE).parts}
    assert len(parts) > 20
    assert not {part.removesuffix(".py") for part in parts} & nameless


def test_loose_modules_are_commands_or_what_everything_stands_on():
    assert {path.stem for path in PACKAGE.glob("*.py")} == {*COMMANDS, *LOOSE}


def test_no_folder_is_large():
    lines = Counter()
    for path in PACKAGE.rglob("*.py"):
        lines[path.parent] += len(path.read_text(encoding="utf-8").splitlines())
    folder, most = lines.most_common(1)[0]
    assert most <= LARGEST, folder


def test_the_package_loads_nothing_heavy():
    code = (
        "import sys, time; start = time.perf_counter(); import gmanet; "
        "print(time.perf_counter() - start); "
        "print(*({'torch', 'open3d', 'wandb', 'matplotlib', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, heavy = done.stdout.split("\n")[:2]
    assert heavy == ""
    assert float(seconds) < 1
