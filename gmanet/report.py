"""Gather the runs of an experiment into tables: ``python -m gmanet.report FILE``.

Writes ``<name>.md`` and ``<name>.csv`` into ``experiments/results`` (or ``-o FOLDER``), with the
overrides, versions and machine of the runs, and ``<name>.png``, the scores of one cloud per
category.
Scans of other data sets than the procedural one are under their own licences, so that pictures of
them are drawn only where ``--pictures FOLDER`` says that they may lie there.  With ``--keep`` runs
whose folders are gone stay in the tables with the figures of the CSV file that is there already,
and so does the picture.

``--index`` writes the overviews of all stored results in the current folder, a checkout of the
project: ``docs/results.md`` and the table of ``experiments/README.md``.  Order, titles and costs
come from ``experiments/results/index.yaml``, which names every experiment and every stored page.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from gmanet.config.aliases import current_override, current_text
from gmanet.config.compose import compose
from gmanet.config.overrides import load
from gmanet.errors import InputError, command
from gmanet.evaluation.comparison import Scored, draw_grid
from gmanet.evaluation.overview import Stored, index_table, overview_page
from gmanet.evaluation.paper_figures import published
from gmanet.evaluation.results import Result
from gmanet.evaluation.stored_results import csv_table, read_table
from gmanet.evaluation.tables import defect_table, group_table, markdown_table
from gmanet.runs.experiment import Cell, Experiment, read_experiment
from gmanet.runs.folder import Run
from gmanet.runtime.atomic import replacing
from gmanet.runtime.provenance import short_commit

__all__ = ["main", "read_stored", "write_index"]

BEGIN, END = "<!-- index -->", "<!-- end of index -->"
"""Lines of ``experiments/README.md`` around the table."""
BETWEEN = re.compile(r" (?=[\w.]+=)")
"""The space between two overrides of a line."""


def _result(cell: Cell) -> Result:
    record = load(cell.run.config_file)
    config = cell.run.config
    return Result(
        row=_name(cell),
        category=config.data.category,
        seed=config.seed,
        figures=cell.run.read_scores(),
        published=published(cell.row, config.data),
        commit=short_commit(record.get("commit")),
        overrides=_typed(cell),
        data=config.data.name,
    )


def _kept(cell: Cell, lines: Mapping[str, Result]) -> Result | None:
    """Return what an earlier table says of a cell."""
    line = lines.get(_typed(cell))
    if line is None:
        return None
    data = compose(cell.overrides).data
    return replace(line, published=published(cell.row, data), data=data.name)


def _stored_lines(table: Path) -> dict[str, Result]:
    """Return overrides -> run for an earlier table, with the keys of today."""
    lines = {}
    for line in read_table(table).values():
        overrides = " ".join(sorted(map(current_override, BETWEEN.split(line.overrides))))
        lines[overrides] = replace(line, row=current_text(line.row), overrides=overrides)
    return lines


def _typed(cell: Cell) -> str:
    """Return the overrides of a cell, ``name=`` aside, in the order of the alphabet."""
    return " ".join(sorted(text for text in cell.overrides if not text.startswith("name=")))


def _name(cell: Cell) -> str:
    """Return the row's name with what else tells it apart: ``M3DM (PointMAE, self-pretrained)``."""
    further = [f"{k}={v}" for k, v in cell.point.items() if k not in ("data.category", "seed")]
    label = cell.run.config.detector.label
    apart = ", ".join([label, *further] if label else further)
    if not apart:
        return cell.row
    inside = cell.row.endswith(")")
    return f"{cell.row[:-1]}, {apart})" if inside else f"{cell.row} ({apart})"


def _draw(path: Path, done: list[Cell], *, others: bool) -> bool:
    """Draw the scores of the runs whose pictures may lie there, and return whether there are any.

    Args:
        path: The picture.
        done: Finished runs.
        others: Whether scans of other data sets than the procedural one may be drawn.
    """
    runs = [
        Scored(row=_name(cell), data=cell.run.config.data, predictions=cell.run.predictions)
        for cell in done
        if any(cell.run.predictions.glob("*.npz"))
    ]
    return draw_grid(path, [run for run in runs if others or run.data.name == "procedural"])


def _page(
    path: Path, experiment: Experiment, *, done: list[Cell], results: list[Result], picture: str
) -> str:
    """Return the page: what it shows, the tables, a picture, and where the figures come from."""
    record = load(done[0].run.config_file)
    machine, versions = record.get("machine", {}), record.get("versions", {})
    commits = sorted({result.commit for result in results})
    missing = len(experiment.cells) - len(results)
    where = f"{machine.get('cores')} cores of {machine.get('processor')}"
    source = (
        f"Measured by {datetime.date.today().isoformat()} on {where} "
        f"({done[0].run.config.train.accelerator}), torch {versions.get('torch')}, commit "
        f"{', '.join(commits)}: `python -m gmanet.benchmark {path}`, then "
        f"`python -m gmanet.report {path}`."
    )
    if len(results) > len(done):
        source += f" {len(results) - len(done)} runs are kept from the table before."
    if missing:
        source += f" **{missing} of {len(experiment.cells)} runs are missing.**"
    rows = {result.overrides: result.row for result in results}
    shown = [cell for cell in experiment.cells if _typed(cell) in rows]
    overrides = {rows[_typed(cell)]: _overrides(cell) for cell in shown}
    lines = [
        f"# {experiment.name}",
        experiment.about,
        source,
        *_tables(results),
        picture
        and f"Scores, from each method's median to its 99.9th percentile:\n\n![]({picture})",
        "Overrides of each row, those of the grid aside:",
        "\n".join(f"- {row}: {typed}" for row, typed in overrides.items()),
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def _tables(results: list[Result]) -> Iterator[str]:
    """Yield the tables of each data set."""
    names = list(dict.fromkeys(result.data for result in results))
    for name in names:
        own = [result for result in results if result.data == name]
        if len(names) > 1:
            yield f"## {name}"
        yield from (markdown_table(own), group_table(own), defect_table(own))


def _overrides(cell: Cell) -> str:
    """Return what makes a cell's row, as a person would type it."""
    grid = ("name", *cell.point)
    overrides = [text for text in cell.overrides if text.partition("=")[0] not in grid]
    return f"`{' '.join(overrides)}`" if overrides else "the defaults"


def read_stored(folder: Path) -> list[Stored]:
    """Return the entries of ``results/index.yaml`` with the stored results.

    Args:
        folder: The folder ``experiments``.

    Raises:
        InputError: The index is missing, names something unknown, or lacks an experiment or page.
    """
    results = folder / "results"
    index = results / "index.yaml"
    if not index.is_file():
        raise InputError(f"{index}: no such file, wanted --index in a checkout of the project")
    listed = load(index)
    pages = {page.relative_to(results).with_suffix("").as_posix() for page in _pages(results)}
    there = pages | {path.stem for path in folder.glob("*.yaml")}
    for name in sorted(set(listed) ^ there):
        what = "is not listed, wanted a line with title and cost"
        found = what if name in there else "is listed, but there is no such experiment or page"
        raise InputError(f"{index}: {name} {found}")
    for name, said in listed.items():
        if not isinstance(said, dict) or not said.get("title") or set(said) - {"title", "cost"}:
            raise InputError(f"{index}: {name}: {said}, wanted a title and, if known, a cost")
    return [_stored(folder, name, said=said) for name, said in listed.items()]


def _pages(results: Path) -> list[Path]:
    return sorted(results.rglob("*.md"))


def _stored(folder: Path, name: str, *, said: Mapping[str, str]) -> Stored:
    """Return one entry of the index."""
    title, cost = said["title"], said.get("cost", "")
    page = folder / "results" / f"{name}.md"
    shown = page.relative_to(folder).as_posix() if page.is_file() else ""
    file = folder / f"{name}.yaml"
    if not file.is_file():
        body = page.read_text(encoding="utf-8").partition("\n")[2].strip()
        typed = re.search(r"`(python [^`]*)`", body)
        script = f"{name}.py" if (folder / f"{name}.py").is_file() else ""
        command = typed[1] if typed else ""
        return Stored(title=title, cost=cost, source=script, command=command, page=shown, body=body)
    experiment = read_experiment(file, Run.root())
    table = page.with_suffix(".csv")
    return Stored(
        title=title,
        cost=cost,
        source=file.name,
        command=f"python -m gmanet.benchmark {folder.name}/{file.name}",
        about=experiment.about,
        page=shown,
        runs=len(experiment.cells),
        results=list(read_table(table).values()) if table.is_file() else (),
    )


def write_index(root: Path) -> None:
    """Write ``docs/results.md`` and the table of ``experiments/README.md``.

    Args:
        root: A checkout of the project.

    Raises:
        InputError: The index is wrong, or a page is missing or has no place for the table.
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


def main() -> None:
    """Read the runs that are done, write the tables, print them; or write the overviews."""
    parser = argparse.ArgumentParser(prog="python -m gmanet.report", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="an experiment")
    parser.add_argument("--index", action="store_true", help="write the overviews instead")
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/results"))
    parser.add_argument("--pictures", type=Path, help="folder for pictures, of any data set")
    parser.add_argument("--keep", action="store_true", help="keep runs whose folders are gone")
    arguments = parser.parse_args()
    if arguments.index and arguments.file is None:
        write_index(Path())
        return
    if arguments.index or arguments.file is None:
        parser.error("wanted either an experiment file or --index")
    _report(arguments)


def _report(arguments: argparse.Namespace) -> None:
    experiment = read_experiment(arguments.file, Run.root())
    done = [cell for cell in experiment.cells if cell.run.finished]
    if not done:
        raise InputError(
            f"{arguments.file}: none of its {len(experiment.cells)} runs is done, "
            f"wanted python -m gmanet.benchmark {arguments.file} first"
        )
    table = arguments.output / f"{experiment.name}.csv"
    lines = _stored_lines(table) if arguments.keep else {}
    found = [_result(cell) if cell in done else _kept(cell, lines) for cell in experiment.cells]
    results = [result for result in found if result]
    drawing = (arguments.pictures or arguments.output) / f"{experiment.name}.png"
    stays = arguments.keep and drawing.is_file()
    drawn = stays or _draw(drawing, done, others=arguments.pictures is not None)
    beside = drawn and drawing.parent.resolve() == arguments.output.resolve()
    page = _page(
        arguments.file,
        experiment,
        done=done,
        results=results,
        picture=drawing.name if beside else "",
    )
    for ending, text in (("md", page), ("csv", csv_table(results))):
        with replacing(arguments.output / f"{experiment.name}.{ending}") as draft:
            draft.write_text(text, encoding="utf-8")
    sys.stdout.write(page)


if __name__ == "__main__":
    command(main)
