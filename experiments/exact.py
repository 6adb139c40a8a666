"""Effect of scoring at a subset of the points: ``python experiments/exact.py RUN...``.

Each RUN is a finished run of GMANet.  The stored detector scores the test clouds again without fine
queries, and with a fine query at every point of the subsampled cloud.  Detectors are not fitted
again, because two fits differ by chance more than the variants do.

The figures of a variant are stored in ``exact-<variant>.json`` of the run and not measured again.
Writes ``experiments/results/exact.md``.
"""

from __future__ import annotations

import argparse
import json
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gmanet.runs.folder import Run

FIGURES = ("object_auroc", "object_aupr", "point_auroc", "point_aupr")
HELD = 0.005
"""Largest allowed drop of a mean figure below the mean with fine queries at every point."""

VARIANTS = {"survey": "w/o the closer look", "every": "every kept point"}
"""Name of a variant -> title of its row in the table.

A row above the variants shows the run's own figures.
"""

Figures = dict[str, Any]


def score_again(run: Run, variant: str) -> Figures:
    """Return the figures of a run's detector, measured in a variant.

    Raises:
        InputError: The run is not one of GMANet.
    """
    from tqdm import tqdm

    from gmanet.datasets.catalog import open_data
    from gmanet.detectors.gmanet.detector import GMANet
    from gmanet.errors import InputError
    from gmanet.evaluation.measure import measure
    from gmanet.evaluation.predictions import predict_cloud
    from gmanet.runs.scoring import load_detector

    detector = load_detector(run)
    if not isinstance(detector, GMANet):
        raise InputError(f"{run.folder}: a run of {run.config.detector.name}, wanted gmanet")
    config = detector.config
    config.fine_queries = {"survey": 0, "every": config.points}[variant]
    clouds = open_data(run.config.data, "test")
    title = f"{run.config.data.category}, {VARIANTS[variant]}"
    found = []
    for cloud in tqdm(clouds, desc=title, total=len(clouds), unit="cloud"):
        scores = detector.score(cloud)
        found.append(predict_cloud(cloud, scores.points, seconds=float("nan"), whole=scores.object))
    measured = measure(found, config.object_rule)
    return {name: measured[name] for name in FIGURES}


def figures_of(run: Run, variant: str) -> Figures:
    """Return the figures of a variant, read from the run's folder or else measured and stored."""
    from gmanet.runtime.atomic import replacing

    stored = run.folder / f"exact-{variant}.json"
    if not stored.is_file():
        found = score_again(run, variant)
        with replacing(stored) as draft:
            draft.write_text(json.dumps(found), encoding="utf-8")
    return dict(json.loads(stored.read_text(encoding="utf-8")))


def main() -> None:
    """Measure and write the tables; the exit code is 1 if a mean drops by more than ``HELD``."""
    import torch  # noqa: F401  so that a GPU is named
    from page import write_page

    from gmanet.runs.folder import Run
    from gmanet.runtime.provenance import provenance

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", help="folder of a finished run of GMANet")
    made = provenance()
    rows: dict[str, list[Figures]] = {}
    for folder in parser.parse_args().runs:
        run = Run.open(folder)
        title = f"{run.config.data.category}, seed {run.config.seed}"
        rows[title] = [run.read_scores(), *(figures_of(run, variant) for variant in VARIANTS)]
    about = (
        "GMANet's networks answer at 2048 evenly spaced places of a cloud, then take a closer look "
        "at the 1024 kept points with the highest scores; scores between these are interpolated.  "
        "Here the same fitted detectors take none, or one at every point that is kept (16384 of "
        "larger clouds; the procedural parts have 12 to 20 thousand)."
    )
    parts = list(rows.values())
    means = [
        {name: statistics.fmean(part[row][name] for part in parts) for name in FIGURES}
        for row in range(1 + len(VARIANTS))
    ]
    write_page(about, [*_means(means), "", *_parts(rows)], made)
    if any(means[0][name] < means[-1][name] - HELD for name in FIGURES):
        raise SystemExit(1)


def _means(means: list[Figures]) -> list[str]:
    """Return the table of means, with differences to the means with a fine query at every point."""
    from gmanet.evaluation.tables import TITLES

    titles = " | ".join(TITLES[name] for name in FIGURES)
    lines = [f"| mean | {titles} |", f"|---|{'--:|' * len(FIGURES)}"]
    for title, mean in zip(_rows(), means, strict=True):
        cells = [f"{mean[name]:.4f} ({mean[name] - means[-1][name]:+.4f})" for name in FIGURES]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def _parts(rows: dict[str, list[Figures]]) -> list[str]:
    """Return the table of object AUROC and point AUPR, one row per run."""
    lines = [
        f"| object AUROC / point AUPR | {' | '.join(_rows())} |",
        f"|---|{'--:|' * (1 + len(VARIANTS))}",
    ]
    for title, part in rows.items():
        cells = [f"{one['object_auroc']:.4f} / {one['point_aupr']:.4f}" for one in part]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def _rows() -> list[str]:
    return ["as it is", *VARIANTS.values()]


if __name__ == "__main__":
    from gmanet.errors import command

    command(main)
