"""The index of stored results: ``docs/results.md`` and the table of ``experiments/README.md``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gmanet.config.overrides import load
from gmanet.errors import InputError
from gmanet.evaluation.overview import Stored, index_table, overview_page
from gmanet.evaluation.stored_results import read_table
from gmanet.runs.current import Current
from gmanet.runs.experiment import read_experiment
from gmanet.runs.folder import Run
from gmanet.runtime.atomic import replacing

__all__ = ["read_stored", "write_index"]

BEGIN, END = "<!-- index -->", "<!-- end of index -->"
"""Lines before and after the table in ``experiments/README.md``."""
KEYS = {"title", "cost", "highlight", "detector"}
"""Keys of an entry of the index."""


def read_stored(folder: Path) -> list[Stored]:
    """Return the entries of ``results/index.yaml`` with the stored results.

    Args:
        folder: The folder ``experiments``.

    Raises:
        InputError: The index is missing, has an unknown entry, or lacks an experiment or page.
    """
    results = folder / "results"
    index = results / "index.yaml"
    if not index.is_file():
        raise InputError(f"{index}: no such file, wanted --index in a checkout of the project")
    listed = load(index)
    current = Current.read(results / "current.yaml")
    pages = {page.relative_to(results).with_suffix("").as_posix() for page in _pages(results)}
    there = pages | {path.stem for path in folder.glob("*.yaml")}
    for name in sorted(set(listed) ^ there):
        what = "is not listed, wanted a line with title and cost"
        found = what if name in there else "is listed, but there is no such experiment or page"
        raise InputError(f"{index}: {name} {found}")
    for name, said in listed.items():
        if not isinstance(said, dict) or not said.get("title") or set(said) - KEYS:
            raise InputError(
                f"{index}: {name}: {said}, wanted a title and, if known, a cost, the row to "
                "highlight and the detector that a script measures"
            )
    return [_stored(folder, name, said=said, current=current) for name, said in listed.items()]


def _pages(results: Path) -> list[Path]:
    return sorted(results.rglob("*.md"))


def _stored(folder: Path, name: str, *, said: Mapping[str, str], current: Current) -> Stored:
    """Return one entry of the index."""
    title, cost = said["title"], said.get("cost", "")
    page = folder / "results" / f"{name}.md"
    shown = page.relative_to(folder).as_posix() if page.is_file() else ""
    file = folder / f"{name}.yaml"
    if not file.is_file():
        body = page.read_text(encoding="utf-8").partition("\n")[2].strip()
        typed = re.search(r"`(python [^`]*)`", body)
        script = f"{name}.py" if (folder / f"{name}.py").is_file() else ""
        named = set(re.findall(r"\bcommit ([0-9a-f]{10}(?:-dirty)?)", body))
        measured = said.get("detector", "") in current.detectors
        return Stored(
            title=title,
            cost=cost,
            source=script,
            command=typed[1] if typed else "",
            page=shown,
            body=body,
            stale=current.method if measured and not named & current.commits else "",
        )
    experiment = read_experiment(file, Run.root())
    table = page.with_suffix(".csv")
    results = list(read_table(table).values()) if table.is_file() else []
    own = {result.row for result in results if current.concerns(result)}
    late = [result for result in results if result.commit not in current.commits]
    older = tuple(dict.fromkeys(result.row for result in late if result.row in own))
    return Stored(
        title=title,
        cost=cost,
        source=file.name,
        command=f"python -m gmanet.benchmark {folder.name}/{file.name}",
        about=experiment.about,
        page=shown,
        runs=len(experiment.cells),
        results=results,
        highlight=said.get("highlight", ""),
        older=older,
        stale=current.method if older and own == set(older) else "",
    )


def write_index(root: Path) -> None:
    """Write ``docs/results.md`` and the table of ``experiments/README.md``.

    Args:
        root: A checkout of the project.

    Raises:
        InputError: The index is wrong, or ``experiments/README.md`` lacks the lines for the table.
    """
    entries = read_stored(root / "experiments")
    path = root / "experiments" / "README.md"
    page = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not re.search(f"{BEGIN}.*{END}", page, re.DOTALL):
        raise InputError(f"{path}: is missing or has no lines {BEGIN} and {END} around the table")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    table = f"{before}{BEGIN}\n\n{index_table(entries)}\n\n{END}{after}"
    for target, text in ((root / "docs" / "results.md", overview_page(entries)), (path, table)):
        with replacing(target) as draft:
            draft.write_text(text, encoding="utf-8")
