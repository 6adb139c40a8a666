"""Gather the runs of an experiment into tables: ``python -m gmanet.report FILE``.

Writes ``<name>.md`` and ``<name>.csv`` into ``experiments/results`` (or ``-o FOLDER``), with the
words, versions and machine of the runs.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from gmanet.data.files.atomic import replacing
from gmanet.errors import InputError, command
from gmanet.evaluation.tables import Result, csv_table, markdown_table
from gmanet.run import Run
from gmanet.sweep import Cell, Experiment, read_experiment
from gmanet.words import load

__all__ = ["main"]


def _results(cells: list[Cell]) -> list[Result]:
    return [
        Result(
            cell.row,
            cell.run.config.data.category,
            cell.run.config.seed,
            cell.run.read_scores(),
        )
        for cell in cells
    ]


def _page(path: Path, experiment: Experiment, done: list[Cell]) -> str:
    """Return the page: what it shows, the tables, and where the figures come from."""
    record = load(done[0].run.config_file)
    machine, versions = record.get("machine", {}), record.get("versions", {})
    commits = sorted({str(load(cell.run.config_file).get("commit"))[:10] for cell in done})
    missing = len(experiment.cells) - len(done)
    where = f"{machine.get('cores')} cores of {machine.get('processor')}"
    source = (
        f"Measured by {datetime.date.today().isoformat()} on {where} "
        f"({done[0].run.config.train.accelerator}), torch {versions.get('torch')}, commit "
        f"{', '.join(commits)}: `python -m gmanet.benchmark {path}`, then "
        f"`python -m gmanet.report {path}`."
    )
    if missing:
        source += f" **{missing} of {len(experiment.cells)} runs are missing.**"
    lines = [
        f"# {experiment.name}",
        experiment.about,
        source,
        markdown_table(_results(done)),
        "Words of each row, those of the grid aside:",
        "\n".join(
            f"- {row}: {_words(cell)}" for row, cell in {cell.row: cell for cell in done}.items()
        ),
    ]
    return "\n\n".join(lines) + "\n"


def _words(cell: Cell) -> str:
    """Return what makes a cell's row, as a person would type it."""
    grid = ("name", *cell.point)
    words = [word for word in cell.words if word.partition("=")[0] not in grid]
    return f"`{' '.join(words)}`" if words else "the defaults"


def main() -> None:
    """Read the runs that are done, write the tables, print them."""
    parser = argparse.ArgumentParser(prog="python -m gmanet.report", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/results"))
    arguments = parser.parse_args()
    experiment = read_experiment(arguments.file, Run.root())
    done = [cell for cell in experiment.cells if cell.run.finished]
    if not done:
        raise InputError(
            f"{arguments.file}: none of its {len(experiment.cells)} runs is done, "
            f"wanted python -m gmanet.benchmark {arguments.file} first"
        )
    page = _page(arguments.file, experiment, done)
    for ending, text in (("md", page), ("csv", csv_table(_results(done)))):
        with replacing(arguments.output / f"{experiment.name}.{ending}") as draft:
            draft.write_text(text, encoding="utf-8")
    sys.stdout.write(page)


if __name__ == "__main__":
    command(main)
