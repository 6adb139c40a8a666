"""The page of an experiment: figures of its runs, their origin, and a picture."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from gmanet.config.aliases import current_override, current_text
from gmanet.config.compose import compose
from gmanet.config.overrides import load
from gmanet.errors import InputError
from gmanet.evaluation.comparison import Scored, draw_grid
from gmanet.evaluation.paper_figures import published
from gmanet.evaluation.results import Result
from gmanet.evaluation.segmentation_table import segmentation_table
from gmanet.evaluation.stored_results import csv_table, read_table
from gmanet.evaluation.tables import defect_table, group_table, markdown_table, rescan_table
from gmanet.runs.experiment import Cell, Experiment, read_experiment
from gmanet.runs.folder import Run
from gmanet.runtime.atomic import replacing
from gmanet.runtime.provenance import short_commit

__all__ = ["write_report"]

BETWEEN = re.compile(r" (?=[\w.]+=)")
"""Pattern of the space between two overrides of a line."""


def write_report(
    file: Path, folder: Path, *, pictures: Path | None = None, keep: bool = False
) -> str:
    """Write the page, the CSV table and the picture of an experiment, and return the page.

    Args:
        file: The experiment file.
        folder: Folder of the page and the table, and of the picture if ``pictures`` is None.
        pictures: Folder of the picture, with clouds of any data set; None to draw only procedural
            clouds.
        keep: Whether runs without a folder keep their figures of the earlier table.

    Raises:
        InputError: The file cannot be used, none of its runs is done, or a file cannot be written.
    """
    experiment = read_experiment(file, Run.root())
    done = [cell for cell in experiment.cells if cell.run.finished]
    if not done:
        raise InputError(
            f"{file}: none of its {len(experiment.cells)} runs is done, "
            f"wanted python -m gmanet.benchmark {file} first"
        )
    table = folder / f"{experiment.name}.csv"
    lines = _stored_lines(table) if keep else {}
    found = [_result(cell) if cell in done else _kept(cell, lines) for cell in experiment.cells]
    results = [result for result in found if result]
    drawing = (pictures or folder) / f"{experiment.name}.png"
    stays = keep and drawing.is_file()
    drawn = stays or _draw(drawing, done, others=pictures is not None)
    linked = drawn and drawing.parent.resolve() == folder.resolve()
    page = _page(
        file,
        experiment,
        done=done,
        results=results,
        picture=drawing.name if linked else "",
    )
    for ending, text in (("md", page), ("csv", csv_table(results))):
        with replacing(folder / f"{experiment.name}.{ending}") as draft:
            draft.write_text(text, encoding="utf-8")
    return page


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
    """Return the figures of a cell in an earlier table, or None."""
    line = lines.get(_typed(cell))
    if line is None:
        return None
    data = compose(cell.overrides).data
    return replace(line, published=published(cell.row, data), data=data.name)


def _stored_lines(table: Path) -> dict[str, Result]:
    """Return overrides -> run for an earlier table, with present keys."""
    lines = {}
    for line in read_table(table).values():
        overrides = " ".join(sorted(map(current_override, BETWEEN.split(line.overrides))))
        lines[overrides] = replace(line, row=current_text(line.row), overrides=overrides)
    return lines


def _typed(cell: Cell) -> str:
    """Return the overrides of a cell without ``name=``, in alphabetical order."""
    return " ".join(sorted(text for text in cell.overrides if not text.startswith("name=")))


def _name(cell: Cell) -> str:
    """Return the row's name with label and grid values: ``M3DM (PointMAE, self-pretrained)``."""
    further = [f"{k}={v}" for k, v in cell.point.items() if k not in ("data.category", "seed")]
    label = cell.run.config.detector.label
    apart = ", ".join([label, *further] if label else further)
    if not apart:
        return cell.row
    inside = cell.row.endswith(")")
    return f"{cell.row[:-1]}, {apart})" if inside else f"{cell.row} ({apart})"


def _draw(path: Path, done: list[Cell], *, others: bool) -> bool:
    """Draw the scores of runs and return whether there are any to draw.

    Args:
        path: The picture.
        done: Finished runs.
        others: Whether scans of other data sets than the procedural one are drawn.
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
    """Return the page: purpose, origin of the figures, tables, and a picture."""
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
        yield segmentation_table(own)
        yield from (markdown_table(own), group_table(own), defect_table(own), rescan_table(own))


def _overrides(cell: Cell) -> str:
    """Return the overrides of a cell's row, without those of the grid, as Markdown."""
    grid = ("name", *cell.point)
    overrides = [text for text in cell.overrides if text.partition("=")[0] not in grid]
    return f"`{' '.join(overrides)}`" if overrides else "the defaults"
