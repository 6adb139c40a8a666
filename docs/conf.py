"""Settings of the documentation: Markdown pages, and one page of docstrings for each folder.

Sphinx reads the whole checkout (``sphinx -c docs . docs/_build``), so that pages link to the README
and to stored results as they do on GitHub.
"""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).parent
PACKAGE = DOCS.parent / "gmanet"
sys.path.insert(0, str(DOCS.parent))

project = "gmanet"
author = "the authors of gmanet"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
root_doc = "docs/index"
include_patterns = ["README.md", "docs/**", "experiments/**"]
exclude_patterns = ["docs/_build", ".*", "runs", "data", "shared", "wandb", "gmanet", "tests"]
suppress_warnings = [
    "toc.not_included",  # stored pages are linked, not listed
    "ref.python",  # a name that one module takes over from another has two homes
]
html_theme = "alabaster"
html_theme_options = {
    "description": "Tiny defects in 3D scans of industrial parts",
    "page_width": "1100px",
}
myst_heading_anchors = 3
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False


def _module(path: Path) -> str:
    """Return the full name of the module in a file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _section(path: Path) -> str:
    """Return the Markdown section that shows a module; a package shows only its own docstring."""
    name = _module(path)
    options = ["   :no-members:"] if path.name == "__init__.py" else []
    lines = ["```{eval-rst}", f".. automodule:: {name}", *options, "```"]
    return "\n".join([f"## {name}", "", *lines, ""])


def _write_page(name: str, title: str, modules: list[Path]) -> None:
    """Write ``api/<name>.md`` unless it says the same already."""
    text = "\n".join([f"# {title}\n", *map(_section, modules)])
    page = DOCS / "api" / f"{name}.md"
    page.parent.mkdir(exist_ok=True)
    if not page.is_file() or page.read_text("utf-8") != text:
        page.write_text(text, encoding="utf-8")


def write_reference() -> None:
    """Write a page for the loose modules of the package and one for each of its folders."""
    loose = [path for path in sorted(PACKAGE.glob("*.py")) if path.name != "__main__.py"]
    rooms = sorted(folder.parent for folder in PACKAGE.glob("*/__init__.py"))
    _write_page("gmanet", "Commands and common modules", loose)
    for room in rooms:
        _write_page(room.name, room.name, sorted(room.rglob("*.py")))
    wanted = {"gmanet", *(room.name for room in rooms)}
    for page in (DOCS / "api").glob("*.md"):
        if page.stem not in wanted:
            page.unlink()


write_reference()
