"""Time, memory and size of every detector, each measurement in a process of its own.

Methods take turns, so that a busy machine slows all of them alike.  Every finished measurement is
stored in ``<runs>/efficiency`` and is not repeated on the same commit.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gmanet.config.compose import CONF, compose
from gmanet.config.overrides import load
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.catalog import open_data
from gmanet.datasets.labeled import LabeledClouds
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.detectors.stored import load_detector
from gmanet.detectors.table import DEFAULT, DETECTORS
from gmanet.errors import InputError
from gmanet.runs.files import read_scores, write_scores
from gmanet.runs.folder import Run
from gmanet.runtime.atomic import replacing
from gmanet.runtime.cache import FOLDER as CACHE
from gmanet.runtime.provenance import provenance

__all__ = ["Cell", "measure_methods", "methods"]

SHORT = {"steps": 8, "pretraining": 1}
"""Settings of a short training, on which the speed of scoring does not depend."""

TWINS = ("synthesis=surface", "synthesis.twins=4")
"""Overrides for few twins, on whose number the speed of scoring does not depend."""


def methods(conf: Path = CONF) -> list[str]:
    """Return the values of ``detector=``: the default, named files, and detectors without one."""
    files = {path.stem: load(path) for path in sorted((conf / "detector").glob("*.yaml"))}
    about = {str(file.get("detector", {}).get("name")) for file in files.values()}
    return list(dict.fromkeys([DEFAULT, *files, *sorted(set(DETECTORS) - about)]))


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The work of one process: a fit of a method, or a measurement.

    Args:
        method: Value of ``detector=``.
        points: Number of points of each cloud.
        round: Number of the round; -1 for the fit.
        clouds: Number of clouds in a round.
        device: ``cpu`` or ``cuda``.
        overrides: Further overrides, ``key=value``.
        source: Commit and number of threads.
    """

    method: str
    points: int
    round: int
    clouds: int
    device: str
    overrides: tuple[str, ...]
    source: str

    @property
    def file(self) -> Path:
        """File of the result."""
        fit = self.round < 0
        about = (self.overrides, self.source, *(() if fit else (self.clouds, self.device)))
        key = hashlib.sha256(repr(about).encode()).hexdigest()[:10]
        number = "fit" if fit else str(self.round)
        name = f"{self.method}-{self.points}-{number}-{key}.{'ckpt' if fit else 'json'}"
        return Run.root() / "efficiency" / name

    def compute(self) -> None:
        """Fit, or measure, in this process and write the file."""
        from lightning import seed_everything

        from gmanet.evaluation.efficiency.measure import fit_briefly, measure

        overrides = [f"detector={self.method}", *TWINS, *self.overrides]
        settings = vars(compose(overrides).detector)
        config = compose(
            [*overrides, *(f"detector.{k}={v}" for k, v in SHORT.items() if k in settings)]
        )
        train, test = (open_data(config.data, split) for split in ("train", "test"))
        for data in (*_parts(train), *_parts(test)):
            if not isinstance(data, Procedural):
                raise InputError(f"data={config.data.name}, wanted data=procedural: sizes are set")
            data.profile = replace(data.profile, points=(self.points, self.points))
        seed_everything(config.seed, verbose=False)
        detector = DETECTORS[config.detector.name](config.detector)
        if self.round < 0:
            fit_briefly(detector, train, synthesis=config.synthesis, seed=config.seed)
            detector.save(self.file)
            return
        detector.load_state_dict(load_detector(replace(self, round=-1).file)["state"])
        clouds = [test[index] for index in range(min(self.clouds, len(test)))]
        write_scores(
            self.file, measure(detector.eval(), clouds, device=self.device, whole=self.round == 0)
        )

    def run(self) -> str:
        """Compute in a new process and return the reason of a failure, or an empty text."""
        typed = [sys.executable, "-m", "gmanet.efficiency", "--cell", json.dumps(vars(self))]
        anew = {**os.environ, CACHE: ""}  # without a cache, whose use takes no time
        done = subprocess.run(typed, capture_output=True, text=True, check=False, env=anew)
        if done.returncode == 0:
            return ""
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return f"exit code {done.returncode}: {lines[-1] if lines else 'no output'}"


def _parts(data: CloudDataset) -> Sequence[CloudDataset]:
    """Return the data sets that the clouds of a data set come from."""
    return data.parts if isinstance(data, LabeledClouds) else [data]


def _measure_all(cells: Sequence[Cell], fresh: bool) -> dict[tuple[str, int], str]:
    """Measure all cells without a file and return (method, points) -> reason of each failure."""
    failed: dict[tuple[str, int], str] = {}
    missing = [cell for cell in cells if fresh or not cell.file.is_file()]
    with tqdm(total=len(cells), initial=len(cells) - len(missing), unit="cell") as bar:
        for cell in missing:
            key = (cell.method, cell.points)
            bar.set_postfix_str(str(key))
            if key not in failed and (reason := cell.run()):
                failed[key] = reason
            bar.update(1)
    return failed


def _rounds(
    cells: Sequence[Cell], failed: Mapping[tuple[str, int], str]
) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Return (method, points) -> results of the rounds."""
    rounds: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for cell in cells:
        key = (cell.method, cell.points)
        if cell.round >= 0 and key not in failed:
            rounds.setdefault(key, []).append(read_scores(cell.file))
    return rounds


def measure_methods(
    overrides: Sequence[str],
    folder: Path,
    *,
    points: Sequence[int],
    rounds: int,
    clouds: int,
    device: str,
) -> str:
    """Measure methods, write the page and the CSV table, and return the page.

    Args:
        overrides: ``detector=NAME`` for each method, none for all; further overrides hold for
            every method.
        folder: Folder of the page and the table.
        points: Numbers of points of the clouds.
        rounds: Number of measurements of each method and size.
        clouds: Number of clouds in each measurement.
        device: ``cpu`` or ``cuda``.

    Raises:
        InputError: An override or a number is wrong, there is no CUDA device, or no method could
            be measured.
    """
    import torch

    from gmanet.evaluation.efficiency.table import Measured, csv_rows, page

    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(f"--device cuda: torch {torch.__version__} sees no CUDA device")
    if min(rounds, clouds, *points) < 1:
        raise InputError("--rounds, --clouds and --points, wanted at least 1")
    named = [text for text in overrides if text.startswith("detector=")]
    chosen = [text.partition("=")[2] for text in named]
    common = tuple(text for text in overrides if text not in named)
    compose(common)  # refuse a wrong override before any work
    commit = str(provenance()["commit"])
    source = f"{commit} {os.environ.get('OMP_NUM_THREADS') or os.cpu_count()}"
    cells = [
        Cell(
            method=method,
            points=size,
            round=number,
            clouds=clouds,
            device=device,
            overrides=common,
            source=source,
        )
        for size in points
        for number in range(-1, rounds)
        for method in chosen or methods()
    ]
    failed = _measure_all(cells, fresh=commit.endswith("-dirty"))
    rows = [
        Measured(method=method, points=size, rounds=found)
        for (method, size), found in _rounds(cells, failed).items()
    ]
    reasons = [f"{name}, {size} points: {why}" for (name, size), why in failed.items()]
    if not rows:
        raise InputError("; ".join(["no method could be measured", *reasons]))
    typed = " ".join(["python -m gmanet.efficiency", *sys.argv[1:]])
    written = page(rows, provenance(), typed=typed, device=device, failed=reasons)
    name = "efficiency" if device == "cpu" else f"efficiency_{device}"
    for ending, text in (("md", written), ("csv", csv_rows(rows))):
        with replacing(folder / f"{name}.{ending}") as draft:
            draft.write_text(text, encoding="utf-8")
    return written
