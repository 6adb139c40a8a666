"""Experiments: YAML files that describe many runs.

``about`` describes the purpose, ``set`` has overrides common to all runs, ``rows`` has variants (a
list of overrides each), and ``grid`` lists values of further keys.  A cell, one run, is a row
combined with a point of the grid.  A row with another grid is a mapping of ``overrides`` (``words``
in older files) and ``grid``, whose keys replace those of the common grid.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from gmanet.config.aliases import current_key, current_override
from gmanet.config.overrides import load, written
from gmanet.config.schema import SECTIONS, text_keys
from gmanet.errors import InputError
from gmanet.runs.folder import Run

__all__ = ["Cell", "Experiment", "file_and_overrides", "read_experiment"]

PLAIN = re.compile(r"(?:[A-Za-z0-9_ .,:;/'()\[\]]|(?<=[A-Za-z0-9])[+-](?=[A-Za-z0-9]))*")
"""Pattern of names that need no hash in their folder: words, also joined by a sign."""

FAILED = "gmanet: failed: "
"""Prefix of the last line in the log of a failed cell; ``slurm/job.sh`` writes it, too."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of an experiment.

    Args:
        row: Name of the variant.
        point: Full key -> value of the grid.
        overrides: Arguments of ``python -m gmanet.fit``.
        run: Folder of the run.
    """

    row: str
    point: dict[str, Any]
    overrides: list[str]
    run: Run

    @property
    def labels(self) -> dict[str, str]:
        """Environment variables by which W&B groups the runs of an experiment and of a row."""
        experiment, row = self.overrides[-1].removeprefix("name=").split("/")[:2]
        return {"WANDB_RUN_GROUP": experiment, "WANDB_JOB_TYPE": row}

    @property
    def log(self) -> Path:
        """File with the output of the process."""
        return self.run.folder.with_name(f"{self.run.folder.name}.log")

    @property
    def failure(self) -> str:
        """Reason why the last process failed; empty if it did not."""
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
        """Write a failure into the log: the process ended with an exit code other than 0."""
        reason = _last_line(self.log) or "no output"
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"\n{FAILED}exit code {code}: {reason}\n")


def _last_line(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """An experiment file.

    Args:
        name: Name of the file without ending.
        about: Purpose of the experiment.
        cells: All runs, in the order of rows and grid.
    """

    name: str
    about: str
    cells: list[Cell]


def file_and_overrides(typed: Sequence[str]) -> tuple[Path, list[str]]:
    """Return the experiment file among the arguments, and the overrides.

    Raises:
        InputError: Not exactly one file is named.
    """
    files = [text for text in typed if _is_file(text)]
    if len(files) != 1:
        named = f" ({', '.join(files)})" if files else ""
        raise InputError(f"{len(files)} files named{named}, wanted one experiment file")
    return Path(files[0]), [text for text in typed if text != files[0]]


def _is_file(text: str) -> bool:
    """Return whether an argument is a file; the names of its folders may contain ``=``."""
    key, equals, _ = text.partition("=")
    known = key.partition(".")[0] in (*SECTIONS, "name", "seed")
    return not equals or Path(text).is_file() or (text.endswith(".yaml") and not known)


def read_experiment(path: Path, runs: Path) -> Experiment:
    """Return the experiment in a file.

    Args:
        path: The YAML file.
        runs: Folder of all runs.

    Raises:
        InputError: The file is missing, or is no experiment.
    """
    if not path.is_file():
        there = ", ".join(str(one) for one in sorted(path.parent.glob("*.yaml")))
        raise InputError(f"{path}: no such file; there are: {there or 'none'}")
    said, as_text = load(path), written(path)
    unknown = sorted(set(said) - {"about", "set", "rows", "grid"})
    if unknown or not isinstance(said.get("rows"), dict):
        found = f"unknown keys {', '.join(unknown)}" if unknown else "no rows"
        raise InputError(f"{path}: {found}, wanted about, set, rows and grid")
    cells = list(_cells(path, said, as_text=as_text, runs=runs))
    _refuse_shared(path, cells)
    about = str(said.get("about", "")).strip()
    return Experiment(name=path.stem, about=about, cells=cells)


def _cells(
    path: Path, said: dict[str, Any], *, as_text: dict[str, Any], runs: Path
) -> Iterator[Cell]:
    """Yield the cells of a file; ``as_text`` has every value as text."""
    name, texts = path.stem, text_keys()
    grid = _typed(path, "grid", said=said, as_text=as_text, texts=texts)
    common = [
        f"{k}={v}" for k, v in _typed(path, "set", said=said, as_text=as_text, texts=texts).items()
    ]
    for row, value in zip(as_text["rows"], said["rows"].values(), strict=True):
        overrides, own = _row(path, row, value=value, as_text=as_text["rows"][row], texts=texts)
        points = {**grid, **own}
        for key, values in points.items():
            if not isinstance(values, list):
                raise InputError(f"{path}: row {row}: {key} is {values!r}, wanted a list of values")
        for values in product(*points.values()):
            point = dict(zip(points, values, strict=True))
            label = "/".join([_slug(row), *(_slug(f"{value}") for value in values)])
            run_name = f"{name}/{label}"
            typed = [*common, *overrides, *(f"{key}={value}" for key, value in point.items())]
            typed.append(f"name={run_name}")
            yield Cell(row=row, point=point, overrides=typed, run=Run(runs / run_name))


def _row(
    path: Path, name: str, *, value: Any, as_text: Any, texts: Mapping[str, str]
) -> tuple[list[str], dict[str, Any]]:
    """Return the overrides and the grid of a row."""
    place = f"{path}: row {name}"
    if not isinstance(value, dict):
        return _overrides(place, value), {}
    unknown = sorted(set(map(str, value)) - {"overrides", "words", "grid"})
    if unknown:
        raise InputError(f"{place}: unknown keys {', '.join(unknown)}, wanted overrides and grid")
    overrides = value.get("overrides", value.get("words"))
    return _overrides(place, overrides), _typed(
        place, "grid", said=value, as_text=as_text, texts=texts
    )


def _overrides(place: str, value: Any) -> list[str]:
    """Return the overrides of a row as text."""
    overrides = [] if value is None else value
    if not isinstance(overrides, list) or not all(isinstance(text, str) for text in overrides):
        raise InputError(f"{place}: holds {value!r}, wanted a list of overrides, [key=value, ...]")
    return [current_override(override) for override in overrides]


def _typed(
    place: object, key: str, *, said: Mapping[str, Any], as_text: Mapping[str, Any], texts: Any
) -> dict[str, Any]:
    """Return a mapping of the file, with values of text keys as text."""
    values = said.get(key) or {}
    if not isinstance(values, dict):
        raise InputError(f"{place}: {key} is {values!r}, wanted a mapping of keys to values")
    return {
        current_key(str(name)): as_text[key][name] if str(name) in texts else value
        for name, value in values.items()
    }


def _refuse_shared(path: Path, cells: list[Cell]) -> None:
    """Raise an error if two cells have the same folder, regardless of letter case."""
    owners: dict[str, Cell] = {}
    for cell in cells:
        other = owners.setdefault(str(cell.run.folder).lower(), cell)
        if other is not cell:
            raise InputError(
                f"{path}: {_place(other)} and {_place(cell)} would share the folder "
                f"{cell.run.folder}, wanted another name for one of them"
            )


def _place(cell: Cell) -> str:
    """Return the row and the grid point of a cell as text."""
    return ", ".join([f"row {cell.row!r}", *(f"{k}={v}" for k, v in cell.point.items())])


def _slug(text: str) -> str:
    """Return the folder name of a row or value, with a hash if characters are lost.

    Lower case and hyphens between words are no loss; signs that are not within or between words,
    and letters beyond ASCII, are lost.
    """
    slug = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")
    if PLAIN.fullmatch(text) and slug.strip("."):
        return slug
    clean = slug.strip("-.")
    return "-".join([*filter(None, [clean]), hashlib.sha256(text.encode()).hexdigest()[:6]])
