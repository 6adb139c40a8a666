"""Effect of several processes and of speed options: ``python experiments/options.py``.

For every row, new processes fit GMANet on the same procedural clouds with one more override; the
row with another seed shows the effect of chance.  The last rows score with the detector of the
first row, which shows the effect of an option on scoring alone.  Writes
``experiments/results/options.md``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

WORDS = ("data.category=hexagonal_nut", "train.pictures=0", "wandb.mode=disabled")
ROWS = {
    "one process": (),
    "two processes": ("train.devices=2",),
    "four processes": ("train.devices=4",),
    "train.accumulate=2": ("train.accumulate=2",),
    "train.precision=bf16-mixed": ("train.precision=bf16-mixed",),
    "train.compile=true": ("train.compile=true",),
    "seed=1": ("seed=1",),
}
SCORED = ("two processes", "train.precision=bf16-mixed", "train.compile=true")
"""Rows whose overrides can also change the scores of a fitted detector."""
FIGURES = ("object_auroc", "object_aupr", "point_auroc", "point_aupr")


def fit(
    runs: Path, name: str, overrides: tuple[str, ...], fitted: Path | None = None
) -> dict[str, Any]:
    """Return the figures of a run.

    Args:
        runs: Folder of the runs.
        name: Name of the run.
        overrides: Overrides of the row.
        fitted: Folder of a finished run whose detector scores; None: the run fits a detector.
    """
    from gmanet.config.compose import compose
    from gmanet.runs.folder import Run

    typed = [*WORDS, *overrides, f"name={name}"]
    os.environ["GMANET_RUNS"] = str(runs)
    if fitted is not None:
        run = Run.create(compose(typed), overrides=typed)
        shutil.copy(fitted / "detector.ckpt", run.detector_file)
    program = [sys.executable, "-m", "gmanet.fit", *typed]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(program, env=environment, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads((runs / name / "scores.json").read_text())
    return found


def main() -> None:
    """Measure and write the table."""
    import torch  # noqa: F401  so that a GPU is named
    from page import write_page

    from gmanet.runtime.provenance import provenance

    made = provenance()
    lines = [
        "| | object AUROC | object AUPR | point AUROC | point AUPR | greatest change |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    first: dict[str, Any] = {}

    def add(title: str, found: dict[str, Any]) -> None:
        apart = max(abs(found[name] - first[name]) for name in FIGURES)
        cells = [f"{found[name]:.4f}" for name in FIGURES]
        lines.append(f"| {title} | {' | '.join(cells)} | {apart:.4f} |")
        sys.stderr.write(lines[-1] + "\n")

    with tempfile.TemporaryDirectory() as place:
        runs = Path(place)
        for number, (title, overrides) in enumerate(ROWS.items()):
            found = fit(runs, f"row{number}", overrides)
            first = first or found
            add(title, found)
        for number, title in enumerate(SCORED):
            found = fit(runs, f"scored{number}", ROWS[title], runs / "row0")
            add(f"first row's detector, scored with {title}", found)
    about = (
        f"`python -m gmanet.fit {' '.join(WORDS)}` with the override of the row, one "
        "thread a process.  The last column is the greatest change of a figure against one "
        "process.  The last rows score with the detector that the first row fitted."
    )
    write_page(about, lines, made)


if __name__ == "__main__":
    main()
