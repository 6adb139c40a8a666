"""Measure a run again from its stored predictions: ``python -m gmanet.evaluate RUN``."""

from __future__ import annotations

import sys

from gmanet.errors import command
from gmanet.runs.folder import Run
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def main() -> None:
    """Read the run's folder, measure, store and print the figures."""
    parser = command_parser("evaluate", __doc__)
    parser.add_argument("run", help="folder of a run, such as runs/procedural/washer/gmanet/seed0")
    run = Run.open(parser.parse_args().run)
    from gmanet.datasets.catalog import similar_kinds
    from gmanet.evaluation.measure import measure
    from gmanet.evaluation.predictions import load_predictions
    from gmanet.evaluation.tables import figures_table

    predictions = list(load_predictions(run.predictions))
    similar = similar_kinds(run.config.data)
    figures = measure(predictions, run.config.detector.object_rule, similar=similar)
    if run.scores_file.is_file():
        figures["peak_memory_mib"] = run.read_scores().get("peak_memory_mib")
    run.write_scores(figures)
    sys.stdout.write(f"{figures_table(figures)}\n\nwritten:\n  {run.scores_file}\n")


if __name__ == "__main__":
    command(main)
