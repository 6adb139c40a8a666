"""The cells of an experiment file: ``python -m gmanet.sweep FILE [--status]``.

Schedulers ask ``--missing`` for the numbers of the cells that are to be done, as ``0,3-5``, and
``--cell 3`` for the words of one, a line each.

An experiment is one YAML file: ``about`` says what it shows, ``set`` holds words common to all
cells, ``rows`` names variants (a list of words each), ``grid`` lists values of further keys.  Every
row meets every point of the grid; a cell is the words a person would type.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from gmanet.errors import InputError, command
from gmanet.run import Run
from gmanet.words import load

__all__ = ["Cell", "Experiment", "read_experiment"]


@dataclass(frozen=True)
class Cell:
    """One run of an experiment.

    Args:
        row: Name of the variant.
        point: Values of the grid's keys.
        words: What to type after ``python -m gmanet.fit``.
        run: Its folder.
    """

    row: str
    point: dict[str, Any]
    words: list[str]
    run: Run


@dataclass(frozen=True)
class Experiment:
    """An experiment file.

    Args:
        name: The file's name without its ending.
        about: What it shows.
        cells: All its runs, in a fixed order.
    """

    name: str
    about: str
    cells: list[Cell]


def read_experiment(path: Path, runs: Path) -> Experiment:
    """Return the experiment in a file.

    Args:
        path: The YAML file.
        runs: Where runs are kept.

    Raises:
        InputError: The file is missing or says something else.
    """
    if not path.is_file():
        there = ", ".join(str(one) for one in sorted(path.parent.glob("*.yaml")))
        raise InputError(f"{path}: no such file; there are: {there or 'none'}")
    said = load(path)
    unknown = sorted(set(said) - {"about", "set", "rows", "grid"})
    if unknown or not isinstance(said.get("rows"), dict):
        found = f"unknown keys {', '.join(unknown)}" if unknown else "no rows"
        raise InputError(f"{path}: {found}, wanted about, set, rows and grid")
    cells = list(_cells(path.stem, said, runs))
    return Experiment(path.stem, str(said.get("about", "")).strip(), cells)


def _cells(name: str, said: dict[str, Any], runs: Path) -> Iterator[Cell]:
    grid = said.get("grid") or {}
    common = [f"{key}={value}" for key, value in (said.get("set") or {}).items()]
    for row, words in said["rows"].items():
        for values in product(*grid.values()):
            point = dict(zip(grid, values, strict=True))
            label = "/".join([_slug(row), *(_slug(f"{value}") for value in values)])
            run_name = f"{name}/{label}"
            typed = [*common, *(words or []), *(f"{key}={value}" for key, value in point.items())]
            yield Cell(row, point, [*typed, f"name={run_name}"], Run(runs / run_name))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


def missing(cells: list[Cell]) -> str:
    """Return the numbers of cells that are neither done nor at work, as ``0,3-5``."""
    ranges: list[list[int]] = []
    for index, cell in enumerate(cells):
        if cell.run.finished or cell.run.held():
            continue
        if ranges and ranges[-1][-1] == index - 1:
            ranges[-1][1:] = [index]
        else:
            ranges.append([index])
    return ",".join("-".join(map(str, found)) for found in ranges)


def words_of(path: Path, cells: list[Cell], number: int) -> str:
    """Return the words of one cell, a line each."""
    if not 0 <= number < len(cells):
        raise InputError(f"{path}: no cell {number}; there are 0 to {len(cells) - 1}")
    return "\n".join(cells[number].words)


def main() -> None:
    """List the cells, or say which are done."""
    parser = argparse.ArgumentParser(prog="python -m gmanet.sweep", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--status", action="store_true", help="say which cells are done")
    parser.add_argument("--missing", action="store_true", help="numbers of the cells to be done")
    parser.add_argument("--cell", type=int, help="words of the cell with this number")
    arguments = parser.parse_args()
    cells = read_experiment(arguments.file, Run.root()).cells
    if arguments.cell is not None:
        sys.stdout.write(f"{words_of(arguments.file, cells, arguments.cell)}\n")
        return
    if arguments.missing:
        sys.stdout.write(f"{missing(cells)}\n")
        return
    for index, cell in enumerate(cells):
        state = ("done     " if cell.run.finished else "waiting  ") if arguments.status else ""
        sys.stdout.write(f"{index:4d}  {state}{' '.join(cell.words)}\n")


if __name__ == "__main__":
    command(main)
