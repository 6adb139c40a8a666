"""Imports point one way, modules have names, and the package itself loads nothing heavy."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import gmanet

PACKAGE = Path(gmanet.__file__).parent
LAYERS = [
    *("errors", "runtime", "cloud", "formats", "geometry", "metrics", "view"),
    *("cleaning", "registration", "nominal", "synthesis", "networks", "verdict"),
    *("datasets", "turntable", "detectors", "training", "evaluation", "inspection"),
    *("station", "config", "runs"),
]
LOOSE = ["__init__", "__main__", "cloud", "errors"]
COMMANDS = [
    *("fit", "predict", "evaluate", "benchmark", "prepare", "synthesize", "show", "sweep"),
    *("report", "efficiency", "statistics", "annotate", "watch", "serve", "compare"),
]
LARGEST = 3600
"""Lines of the files that lie directly in one folder, at most."""
LONGEST, COMMAND = 250, 120
"""Lines of a file and of a command, at most."""
BTF = 17
"""Modules of ours that the import of a detector loads, at most."""
POSITIONAL = 0.45
"""Share of the calls with three or more arguments that pass three or more by position, at most."""
METHOD = re.compile(r"GMANet|\bgmanet_\w|detectors\.gmanet|^'gmanet'$")
"""Names and quoted strings of the paper's method; the package has the last one, too."""
METHODS = ("detectors/gmanet/", "detectors/gmanet_paper/")
"""Folders of the paper's method: ours, and as printed."""
PACKAGE_NAME = {
    "detectors/stored.py": "key of the version",
    "runs/from_python.py": "default in a signature that people read",
    "runtime/provenance.py": "distribution whose version is recorded",
    "training/config.py": "project on the dashboard",
}
"""File that says ``"gmanet"`` -> what is meant there."""
FORMER = {
    *("AheadLoader", "Counted", "Draw", "First", "Look", "Pose", "Poses", "Posed", "PosedConfig"),
    *("PosedDetector", "SingleSided", "Turning", "TurnedCopies", "Turns", "beside", "centers_of"),
    *("closer", "even", "lay", "look_twice", "looked_up", "put_together", "remembered", "told"),
}
"""Former names of classes, functions and variables, which no code has."""
ROOMS = {
    *("ahead", "atlas", "candidates", "compiled", "contexts", "counted", "frames"),
    *("launcher", "models", "motion", "multiview", "patched", "posed", "preprocess", "raw"),
    *("remaining", "remembered", "roots", "sampled", "sight", "single_sided", "sources"),
    *("storing", "structured", "survey", "thinning", "turned", "turning", "window", "words"),
}
"""Former names of modules and folders."""
RANK = {name: rank for rank, name in enumerate(LAYERS)} | dict.fromkeys(COMMANDS, len(LAYERS))


def tree(path, types=True):
    """Return the syntax tree of a file, if wanted without what only type checkers read."""
    content = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(content):
        if not types and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return content


def imported(path, types=True):
    """Return full names of the package's modules and attributes that a file imports, anywhere."""
    found = set()
    for node in ast.walk(tree(path, types)):
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
            wrong += [f"gmanet imports {name}" for name in imported(path, types=False)]
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


def named(path):
    """Yield the names, attributes, imports and strings of a file, its docstrings aside."""
    nodes = list(ast.walk(tree(path)))
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute):
            yield getattr(node, "id", "") or getattr(node, "attr", "")
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and id(node) not in prose:
            yield f"'{node.value}'"


def naming_the_method(package):
    """Return a sentence for each name of the paper's method outside its folders and the table."""
    found = []
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package).as_posix()
        if place.startswith(METHODS) or place == "detectors/table.py":
            continue
        names = {name for name in named(path) if METHOD.search(name)}
        if place in PACKAGE_NAME:
            names.discard("'gmanet'")
        found += [f"{place} names {name}" for name in sorted(names)]
    return found


def test_nobody_but_its_folders_and_the_table_names_the_method():
    assert naming_the_method(PACKAGE) == []
    assert all((PACKAGE / file).is_file() for file in PACKAGE_NAME)


@pytest.mark.parametrize(
    "line",
    [
        "from gmanet.detectors.gmanet.sdo import sdo_loss",
        "from gmanet.detectors.gmanet.detector import GMANet",
        'STAGES = {"detectors.gmanet.encoder": "model"}',
        'NAMED = ["gmanet"]',
        'NAMED = name.startswith("gmanet_paper")',
        'TITLE = f"{count} rows of GMANet"',
    ],
)
def test_a_planted_name_of_the_method_is_found(tmp_path, line):
    (tmp_path / "good.py").write_text('"""GMANet."""\nfrom gmanet.cloud import Cloud\n')
    assert naming_the_method(tmp_path) == []
    (tmp_path / "bad.py").write_text(line)
    assert naming_the_method(tmp_path)


def test_to_read_one_detector_loads_few_modules():
    code = (
        "import sys, gmanet.detectors.btf; "
        "print(*(name for name in sys.modules if name.partition('.')[0] == 'gmanet'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "gmanet.detectors.btf" in loaded
    assert len(loaded) <= BTF, loaded
    assert not [name for name in loaded if name.startswith("gmanet.detectors.gmanet")]


def by_position(text):
    """Return how many calls have three or more arguments, and pass three or more by position."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    long = [node for node in calls if len(node.args) + len(node.keywords) >= 3]
    return len(long), sum(len(node.args) >= 3 for node in long)


def test_arguments_have_names():
    assert by_position("f(1, 2, 3); f(1, 2, c=3); f(1, 2); f(a=1, b=2, c=3); f(*a, 1, 2)") == (4, 2)
    counts = [by_position(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    calls, positional = map(sum, zip(*counts, strict=True))
    assert calls > 1000
    assert positional <= POSITIONAL * calls, f"{positional} of {calls}"


def test_dataclasses_of_many_fields_take_names():
    loose = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(tree(path)):
            made = isinstance(node, ast.ClassDef) and [*map(ast.unparse, node.decorator_list)]
            if not made or not any(text.startswith("dataclass") for text in made):
                continue
            fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
            named = "kw_only=True" in made[0] or "KW_ONLY" in ast.unparse(node)
            if len(fields) >= 3 and not named:
                loose.append(f"{path.name}: {node.name}")
    assert loose == []


def test_no_former_name_is_left():
    rooms = [part for path in PACKAGE.rglob("*.py") for part in path.relative_to(PACKAGE).parts]
    assert not {part.removesuffix(".py") for part in rooms} & ROOMS
    left = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(tree(path)):
            names = {getattr(node, key, None) for key in ("id", "attr", "arg", "name")}
            left += [f"{path.relative_to(PACKAGE)}: {name}" for name in names & FORMER]
    assert left == []


def test_files_and_commands_are_short():
    lines = {
        path.relative_to(PACKAGE).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert not {name: count for name, count in lines.items() if count > LONGEST}
    commands = {name: lines[f"{name}.py"] for name in COMMANDS}
    assert not {name: count for name, count in commands.items() if count > COMMAND}


def imports_of(package):
    """Return each module -> the modules of the package that it imports, anywhere but for types."""
    files = {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
    }
    found = {}
    for name, path in files.items():
        targets = set()
        for node in ast.walk(tree(path, types=False)):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    full = f"{node.module}.{alias.name}".removeprefix("gmanet.")
                    module = str(node.module).removeprefix("gmanet.")
                    targets.add(full if full in files else module)
        found[name] = targets & set(files) - {name}
    return found


def test_no_import_leads_back():
    rest = imports_of(PACKAGE)
    assert rest["detectors.btf"] > {"cloud", "detectors.memory_bank"}
    while free := [name for name, targets in rest.items() if not targets & set(rest)]:
        for name in free:
            del rest[name]
    assert rest == {}
