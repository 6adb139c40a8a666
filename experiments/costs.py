"""Time for twins and for a whole fit: ``python experiments/costs.py``.

Twins are made on one thread.  The fit is ``python -m gmanet.fit``, from files to the stored
detector, on forty normal clouds, with all cores.  Writes ``experiments/results/costs.md``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gmanet.datasets.procedural.dataset import Procedural

CATEGORIES = ("hexagonal_nut", "washer", "t_screw")
POINTS = (30_000, 200_000)
TWINS = 12
"""Number of twins of each part and cloud size."""
FITTED, TRAIN, TEST = "hexagonal_nut", 40, 2
WORDS = ("data=folder", "train.pictures=0", "wandb.mode=disabled")


def clouds(category: str, split: str, points: int) -> Procedural:
    """Return clouds of a part with a number of points."""
    from gmanet.datasets.procedural.dataset import PROFILES, Procedural

    made = Procedural(category, split, profile="many")
    made.profile = replace(PROFILES["many"], points=(points, points))
    return made


def twin_seconds(category: str, points: int) -> list[float]:
    """Return the processor time of each twin of a part's first cloud, in seconds.

    The first twin, which includes work that is done only once, is left out.
    """
    import numpy as np

    from gmanet.synthesis.config import SynthesisConfig
    from gmanet.synthesis.spcg import Generator

    cloud, generator = clouds(category, "train", points)[0], Generator(SynthesisConfig())
    spent = []
    for index in range(TWINS + 1):
        start = time.process_time()
        generator.twin(cloud, np.random.default_rng([0, index]))
        spent.append(time.process_time() - start)
    return spent[1:]


def fit_seconds(points: int) -> tuple[float, float]:
    """Return the seconds from the program's start to the stored detector, and to the end.

    The end follows the scoring and measuring of the test clouds.
    """
    from gmanet.formats import write_cloud

    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for split, count in (("train", TRAIN), ("test", TEST)):
            some = clouds(FITTED, split, points)
            for index in range(count):
                kind = "good" if split == "train" else str(some[index].defect)
                write_cloud(root / "data" / split / kind / f"{index}.ply", some[index])
        environment = {**os.environ, "GMANET_RUNS": str(root / "runs")}
        environment.pop("OMP_NUM_THREADS")
        typed = [sys.executable, "-m", "gmanet.fit", *WORDS, f"data.root={root / 'data'}"]
        start = time.perf_counter(), time.time()
        subprocess.run([*typed, "name=cost"], env=environment, check=True)
        whole = time.perf_counter() - start[0]
        fitted = (root / "runs/cost/detector.ckpt").stat().st_mtime - start[1]
    return fitted, whole


def main() -> None:
    """Measure and write the table."""
    from page import write_page

    from gmanet.runtime.provenance import provenance

    made = provenance()
    table = ["| what | median | most |", "|---|--:|--:|"]
    for points in POINTS:
        spent = [one for category in CATEGORIES for one in twin_seconds(category, points)]
        row = f"| a twin of {points} points, processor seconds "
        table.append(f"{row}| {statistics.median(spent):.3f} | {max(spent):.3f} |")
        sys.stderr.write(table[-1] + "\n")
    fitted, whole = fit_seconds(POINTS[0])
    row = f"| a fit on {TRAIN} clouds of {POINTS[0]} points, seconds from the program's start "
    table.append(f"{row}| {fitted:.0f} | |")
    table.append(f"| the same with {TEST} clouds scored and measured, to the end | {whole:.0f} | |")
    about = (
        f"Twins (`Generator.twin`): {TWINS} of a cloud of each of {', '.join(CATEGORIES)}, one "
        f"thread.  Fit: `python -m gmanet.fit {' '.join(WORDS)}` on files of a {FITTED}."
    )
    write_page(about, table, made, f"load {os.getloadavg()[1]:.1f}")


if __name__ == "__main__":
    from one_thread import on_one_thread

    on_one_thread(main)
