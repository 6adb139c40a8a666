"""Time, memory and size of every detector: ``python -m gmanet.efficiency [overrides]``.

All named settings (``conf/detector/*.yaml``, and detectors without one), or those of the overrides
``detector=NAME``, score the same procedural clouds one at a time.  Each measurement has a process
of its own; methods take turns, so that a busy machine hits all alike.  Cells that are measured are
kept in ``<runs>/efficiency`` and skipped by the same command on the same commit.  Other overrides
go to every method.  ``OMP_NUM_THREADS`` limits the threads.  Writes ``efficiency.md`` and ``.csv``.
"""

from __future__ import annotations

import argparse
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
from gmanet.datasets.catalog import open_data
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.detectors import DETECTORS
from gmanet.detectors.stored import load_detector, save_detector
from gmanet.errors import InputError, command
from gmanet.runs.files import read_scores, write_scores
from gmanet.runs.folder import Run
from gmanet.runtime.atomic import replacing
from gmanet.runtime.cache import FOLDER as CACHE
from gmanet.runtime.provenance import provenance

__all__ = ["main", "methods"]

SHORT = {"steps": 8, "pretraining": 1}
"""Settings of a detector that say how long it is trained, which changes no speed."""

TWINS = ("synthesis=surface", "synthesis.twins=4")


def methods(conf: Path = CONF) -> list[str]:
    """Return what ``detector=`` may name: files, and rows of the table that no file is about."""
    files = {path.stem: load(path) for path in sorted((conf / "detector").glob("*.yaml"))}
    about = {str(file.get("detector", {}).get("name")) for file in files.values()}
    return ["gmanet", *files, *sorted(set(DETECTORS) - about - {"gmanet"})]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One process's work: fit a method, or measure it once.

    Args:
        method: The detector's setting.
        points: Of each cloud.
        turn: Round; -1 fits.
        clouds: Clouds of a round.
        device: ``cpu`` or ``cuda``.
        overrides: Further overrides, ``key=value``.
        source: Commit and threads.
    """

    method: str
    points: int
    turn: int
    clouds: int
    device: str
    overrides: tuple[str, ...]
    source: str

    @property
    def file(self) -> Path:
        """Return where the result is kept."""
        fit = self.turn < 0
        about = (self.overrides, self.source, *(() if fit else (self.clouds, self.device)))
        key = hashlib.sha256(repr(about).encode()).hexdigest()[:10]
        turn = "fit" if fit else str(self.turn)
        name = f"{self.method}-{self.points}-{turn}-{key}.{'ckpt' if fit else 'json'}"
        return Run.root() / "efficiency" / name

    def compute(self) -> None:
        """Fit, or measure, and write the file; runs in the process of its own."""
        from lightning import seed_everything

        from gmanet.evaluation.efficiency.measure import fit_briefly, measure

        overrides = [f"detector={self.method}", *TWINS, *self.overrides]
        settings = vars(compose(overrides).detector)
        config = compose(
            [*overrides, *(f"detector.{k}={v}" for k, v in SHORT.items() if k in settings)]
        )
        train, test = (open_data(config.data, split) for split in ("train", "test"))
        for data in (train, test):
            if not isinstance(data, Procedural):
                raise InputError(f"data={config.data.name}, wanted data=procedural: sizes are set")
            data.profile = replace(data.profile, points=(self.points, self.points))
        seed_everything(config.seed, verbose=False)
        detector = DETECTORS[config.detector.name](config.detector)
        if self.turn < 0:
            fit_briefly(detector, train, synthesis=config.synthesis, seed=config.seed)
            save_detector(self.file, config.detector.name, config={}, state=detector.state_dict())
            return
        detector.load_state_dict(load_detector(replace(self, turn=-1).file)["state"])
        clouds = [test[index] for index in range(min(self.clouds, len(test)))]
        write_scores(
            self.file, measure(detector.eval(), clouds, device=self.device, whole=self.turn == 0)
        )

    def run(self) -> str:
        """Return nothing, or why it failed, after computing in another process."""
        typed = [sys.executable, "-m", "gmanet.efficiency", "--cell", json.dumps(vars(self))]
        anew = {**os.environ, CACHE: ""}  # what is looked up takes no time
        done = subprocess.run(typed, capture_output=True, text=True, check=False, env=anew)
        if done.returncode == 0:
            return ""
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return f"exit code {done.returncode}: {lines[-1] if lines else 'no output'}"


def _measure_all(cells: Sequence[Cell], fresh: bool) -> dict[tuple[str, int], str]:
    """Return why methods failed, after measuring all cells that no file holds."""
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
    """Return what the rounds of each method and size found."""
    rounds: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for cell in cells:
        key = (cell.method, cell.points)
        if cell.turn >= 0 and key not in failed:
            rounds.setdefault(key, []).append(read_scores(cell.file))
    return rounds


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gmanet.efficiency", description=__doc__)
    parser.add_argument("overrides", nargs="*", help="detector=NAME, as often as wanted; key=value")
    parser.add_argument("--points", type=int, nargs="+", default=[30_000, 200_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clouds", type=int, default=3, help="of each round")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/results"))
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    return parser.parse_intermixed_args()


def main() -> None:
    """Measure what is missing, write the tables, print them."""
    said = _arguments()
    if said.cell:
        cell = json.loads(said.cell)
        Cell(**{**cell, "overrides": tuple(cell["overrides"])}).compute()
        return
    import torch

    if said.device == "cuda" and not torch.cuda.is_available():
        raise InputError(f"--device cuda: torch {torch.__version__} sees no CUDA device")
    if min(said.rounds, said.clouds, *said.points) < 1:
        raise InputError("--rounds, --clouds and --points, wanted at least 1")
    named = [text for text in said.overrides if text.startswith("detector=")]
    chosen = [text.partition("=")[2] for text in named]
    overrides = tuple(text for text in said.overrides if text not in named)
    compose(overrides)  # refuse a wrong override before any work
    commit = str(provenance()["commit"])
    source = f"{commit} {os.environ.get('OMP_NUM_THREADS') or os.cpu_count()}"
    cells = [
        Cell(
            method=method,
            points=points,
            turn=turn,
            clouds=said.clouds,
            device=said.device,
            overrides=overrides,
            source=source,
        )
        for points in said.points
        for turn in range(-1, said.rounds)
        for method in chosen or methods()
    ]
    failed = _measure_all(cells, fresh=commit.endswith("-dirty"))
    from gmanet.evaluation.efficiency.table import Measured, csv_rows, page

    rows = [Measured(*key, found) for key, found in _rounds(cells, failed).items()]
    reasons = [f"{name}, {points} points: {why}" for (name, points), why in failed.items()]
    if not rows:
        raise InputError("; ".join(["no method could be measured", *reasons]))
    typed = " ".join(["python -m gmanet.efficiency", *sys.argv[1:]])
    written = page(rows, provenance(), typed=typed, device=said.device, failed=reasons)
    name = "efficiency" if said.device == "cpu" else f"efficiency_{said.device}"
    for ending, text in (("md", written), ("csv", csv_rows(rows))):
        with replacing(said.output / f"{name}.{ending}") as draft:
            draft.write_text(text, encoding="utf-8")
    sys.stdout.write(written)


if __name__ == "__main__":
    command(main)
