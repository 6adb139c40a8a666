"""Experiments: files that name many runs.

An experiment is one YAML file: ``about`` says what it shows, ``set`` holds words common to all
cells, ``rows`` names variants (a list of words each), ``grid`` lists values of further keys.  Every
row meets every point of the grid; a cell is the words a person would type.  A row that is to meet
other points is a mapping of ``words`` and of its own ``grid``, laid over the common one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from gmanet.errors import InputError
from gmanet.run import Run
from gmanet.words import load

__all__ = ["Cell", "Experiment", "read_experiment"]

FAILED = "gmanet: failed: "
"""Begins the last line of the log of a cell that failed; ``slurm/job.sh`` writes it, too."""


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

    @property
    def labels(self) -> dict[str, str]:
        """Environment variables by which W&B groups the runs of an experiment and of a row."""
        experiment, row = self.words[-1].removeprefix("name=").split("/")[:2]
        return {"WANDB_RUN_GROUP": experiment, "WANDB_JOB_TYPE": row}

    @property
    def log(self) -> Path:
        """What its process printed."""
        return self.run.folder.with_name(f"{self.run.folder.name}.log")

    @property
    def failure(self) -> str:
        """Why its last process failed; empty if it did not."""
        if self.run.finished or not self.log.is_file():
            return ""
        last = _last_line(self.log)
        return f"{last.removeprefix(FAILED)} (see {self.log})" if last.startswith(FAILED) else ""

    @property
    def state(self) -> str:
        """``done``, ``running``, ``failed`` or ``waiting``."""
        if self.run.finished:
            return "done"
        if self.run.held():
            return "running"
        return "failed" if self.failure else "waiting"

    def mark_failed(self, code: int) -> None:
        """Write into the log that the process ended with an exit code other than 0."""
        reason = _last_line(self.log) or "no output"
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"\n{FAILED}exit code {code}: {reason}\n")


def _last_line(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


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
    for row, value in said["rows"].items():
        words, own = _row(row, value)
        points = {**grid, **own}
        for values in product(*points.values()):
            point = dict(zip(points, values, strict=True))
            label = "/".join([_slug(row), *(_slug(f"{value}") for value in values)])
            run_name = f"{name}/{label}"
            typed = [*common, *(words or []), *(f"{key}={value}" for key, value in point.items())]
            yield Cell(row, point, [*typed, f"name={run_name}"], Run(runs / run_name))


def _row(name: str, value: Any) -> tuple[list[str], dict[str, Any]]:
    """Return a row's words and its own part of the grid."""
    if not isinstance(value, dict):
        return list(value or []), {}
    unknown = sorted(set(value) - {"words", "grid"})
    if unknown:
        raise InputError(f"row {name}: unknown keys {', '.join(unknown)}, wanted words and grid")
    return list(value.get("words") or []), dict(value.get("grid") or {})


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")
