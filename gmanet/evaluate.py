"""Measure a run again from its stored predictions: ``python -m gmanet.evaluate RUN``.

With ``--detection`` defects of known depth are put on the good test clouds and scored, too: from
which depth on is each family of defects found, at the limit of the fit (``docs/verdict.md``)?  The
rows stand in ``scores.json`` under ``detection``, the curves in ``pictures/detection.png``, the
sentences in the detector's file.
"""

from __future__ import annotations

import sys

from gmanet.errors import command
from gmanet.runs.files import read_judge
from gmanet.runs.folder import Run
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def main() -> None:
    """Read the run's folder, measure, store and print the figures."""
    parser = command_parser("evaluate", __doc__)
    parser.add_argument("run", help="folder of a run, such as runs/procedural/washer/gmanet/seed0")
    parser.add_argument("--detection", action="store_true", help="depths that are found, too")
    parser.add_argument(
        "--radius", type=float, nargs="+", help="radii of the defects, in the unit of the scans"
    )
    parser.add_argument(
        "--samples", type=int, default=60, help="defects of each family and radius (60)"
    )
    said = parser.parse_args()
    run = Run.open(said.run)
    from gmanet.datasets.catalog import similar_kinds
    from gmanet.evaluation.measure import measure
    from gmanet.evaluation.predictions import load_predictions
    from gmanet.evaluation.tables import figures_table

    predictions = list(load_predictions(run.predictions))
    data, rule = run.config.data, run.config.detector.object_rule
    figures = measure(
        predictions,
        rule,
        similar=similar_kinds(data),
        rescans=data.rescan,
        segmented=data.supervised,
        judge=read_judge(run.detector_file),
    )
    if run.scores_file.is_file():
        stored = run.read_scores()
        figures |= {key: stored[key] for key in ("peak_memory_mib", "detection") if key in stored}
    if said.detection:
        from gmanet.runs.detection import detect

        curves = detect(run, radii=said.radius, samples=said.samples)
        figures["detection"] = [curve.row() for curve in curves]
        sys.stdout.write("".join(f"{curve.sentence()}\n" for curve in curves) + "\n")
    run.write_scores(figures)
    sys.stdout.write(f"{figures_table(figures)}\n\nwritten:\n  {run.scores_file}\n")


if __name__ == "__main__":
    command(main)
