"""Share of training time that is spent waiting for data: ``python experiments/throughput.py``.

Detectors with training steps are fitted on clouds of 30K points with four data workers; Lightning's
profiler measures the time of the steps and the time of waiting for their data.  Writes
``experiments/results/throughput.md``.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

POINTS = 30_000
WORKERS = 4
STEPS = 60
WARM = 5
"""Number of first steps that are left out of the medians."""
CLOUDS = 20
TWINS = 48
LIMIT = 0.05
"""Largest allowed share of waiting in the time of a step."""
DETECTORS = ("gmanet", "imrnet", "r3dad")
WAIT, WORK = "[_TrainingEpochLoop].train_dataloader_next", "run_training_batch"


def measure(name: str) -> tuple[float, float, float]:
    """Return the seconds before the first step, of a step, and of waiting in a step.

    The last two are medians over the steps.
    """
    from lightning import seed_everything
    from lightning.pytorch.profilers import SimpleProfiler

    from gmanet.config.compose import compose
    from gmanet.datasets.catalog import open_data
    from gmanet.datasets.procedural.dataset import Procedural
    from gmanet.datasets.subset import Subset
    from gmanet.detectors.table import DETECTORS
    from gmanet.training.datamodule import CloudData
    from gmanet.training.trainer import make_trainer

    overrides = [f"detector={name}", f"detector.steps={STEPS}", f"synthesis.twins={TWINS}"]
    config = compose([*overrides, f"train.workers={WORKERS}", "train.checkpoint_every=1000"])
    whole = open_data(config.data, "train")
    assert isinstance(whole, Procedural)
    whole.profile = replace(whole.profile, points=(POINTS, POINTS))
    train = Subset(whole, whole.names[:CLOUDS])
    seed_everything(config.seed, verbose=False)
    start = time.perf_counter()
    detector = DETECTORS[config.detector.name](config.detector)
    detector.prepare(train)
    data = CloudData(
        train,
        train,
        detector=detector,
        synthesis=config.synthesis,
        seed=config.seed,
        workers=WORKERS,
    )
    with tempfile.TemporaryDirectory() as folder:
        epochs = detector.epochs(len(train), config.synthesis)
        trainer = make_trainer(
            detector, config.train, folder=Path(folder), logger=None, epochs=epochs
        )
        profiler = SimpleProfiler()
        trainer.profiler = profiler  # type: ignore[attr-defined]
        trainer.fit(detector, datamodule=data)
    passed = time.perf_counter() - start
    wait, work = (profiler.recorded_durations[key][WARM:] for key in (WAIT, WORK))
    waited, worked = statistics.median(wait), statistics.median(work)
    return passed - STEPS * (waited + worked), waited + worked, waited


def main() -> None:
    """Measure and write the table; the exit code is 1 if a share exceeds ``LIMIT``."""
    from page import write_page

    from gmanet.runtime.provenance import provenance

    made = provenance()
    table = [
        "| detector | before the first step, s | a step, ms | of it waiting for data, ms | share |",
        "|---|--:|--:|--:|--:|",
    ]
    shares = []
    for name in DETECTORS:
        before, step, wait = measure(name)
        shares.append(wait / step)
        table.append(
            f"| {name} | {before:.0f} | {1e3 * step:.1f} | {1e3 * wait:.2f} | {shares[-1]:.1%} |"
        )
        sys.stderr.write(table[-1] + "\n")
    about = (
        f"Training steps on {CLOUDS} clouds of {POINTS} points with train.workers={WORKERS}: "
        f"medians of {STEPS - WARM} steps by Lightning's profiler, `{WAIT}` against it and "
        f"`{WORK}`.  The workers prepare all clouds and twins before the first step (the column "
        "before); a step draws from what lies in memory."
    )
    write_page(about, table, made)
    if max(shares) > LIMIT:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
