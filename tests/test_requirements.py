"""What the code and the tests import is required in pyproject.toml, not just present by chance."""

from __future__ import annotations

import ast
import re
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = ["gmanet", "tests", "experiments"]


def normalized(name: str) -> str:
    """Return the name of a distribution as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required(text: str) -> set[str]:
    """Return the names of the distributions in the lists of a pyproject.toml."""
    lists = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    names = re.findall(r"[\"']([\w.-]+?)(?=[\[<>=!;\"'])", re.sub(r"#.*", "", lists))
    return set(map(normalized, names))


def imported(folder: Path) -> dict[str, Path]:
    """Return the top-level modules that the files of a folder import, with one of the files."""
    found = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found.update((name.partition(".")[0], path) for name in names)
    return found


def missing(modules: dict[str, Path], names: set[str]) -> dict[str, Path]:
    """Return the modules of installed distributions that no list requires."""
    homes = packages_distributions()
    return {
        module: path
        for module, path in modules.items()
        if module in homes and not names & set(map(normalized, homes[module]))
    }


def test_every_import_is_required():
    names = required((ROOT / "pyproject.toml").read_text("utf-8")) | {"gmanet"}
    assert {"torch", "scikit-learn", "open3d-cpu", "hypothesis", "torch-geometric"} <= names
    modules = {}
    for folder in OURS:
        modules |= imported(ROOT / folder)
    assert missing(modules, names) == {}


def test_a_module_that_is_only_present_is_found(tmp_path):
    (tmp_path / "planted.py").write_text("import jinja2\nimport numpy\nfrom os import path\n")
    assert set(missing(imported(tmp_path), {"numpy"})) == {"jinja2"}
