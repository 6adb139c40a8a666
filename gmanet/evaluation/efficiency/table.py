"""Table VI: a Markdown table for each size of clouds, and a CSV table of all sizes."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gmanet.evaluation.efficiency.measure import FITTED
from gmanet.evaluation.efficiency.profiler import OTHER

__all__ = ["Measured", "csv_rows", "markdown_sections", "page"]

LEAST = 0.01
"""Share of the time below which a stage is not shown."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Measurements of one method on clouds of one size.

    Args:
        method: Value of ``detector=``.
        points: Number of points of each cloud.
        rounds: Results of ``evaluation.efficiency.measure.measure``, the first with all details.
    """

    method: str
    points: int
    rounds: Sequence[Mapping[str, Any]]

    def median(self, name: str) -> float:
        """Return the median of all timings, or of one figure of each round."""
        return statistics.median(self._all(name))

    def _all(self, name: str) -> list[float]:
        found = (one[name] for one in self.rounds)
        return [x for value in found for x in (value if isinstance(value, list) else [value])]

    @property
    def floor(self) -> float:
        """Lower bound of the time in seconds: a copy, nearest points, and the score's FLOPs."""
        return float(self.rounds[0]["floor"])

    @property
    def stages(self) -> dict[str, float]:
        """Stage -> share of the time, the longest first, ``other`` last."""
        seconds = self.rounds[0]["stages"]
        total = sum(seconds.values())
        order = sorted(seconds, key=lambda stage: (stage == OTHER, -seconds[stage]))
        return {stage: seconds[stage] / total for stage in order}

    def figures(self) -> dict[str, float]:
        """Return name -> figure, the columns of the CSV table."""
        seconds, first = self._all("seconds"), self.rounds[0]
        middle = statistics.median(seconds)
        return {
            "seconds": middle,
            "fastest": min(seconds),
            "slowest": max(seconds),
            "timings": len(seconds),
            "fps": 1 / middle,
            "reader_seconds": self.median("reader"),
            "score_seconds": self.median("score"),
            "peak_mib": self.median("peak_mib"),
            "cuda_mib": self.median("cuda_mib"),
            "parameters": first["parameters"],
            "buffers": first["buffers"],
            "model_mib": first["model_mib"],
            "gflop": first["gflop"],
            "floor_seconds": self.floor,
        }


def page(
    rows: Sequence[Measured],
    record: Mapping[str, Any],
    *,
    typed: str,
    device: str,
    failed: Sequence[str],
) -> str:
    """Return the whole page.

    Args:
        rows: Measurements, at least one.
        record: Result of ``gmanet.runtime.provenance.provenance``.
        typed: The command.
        device: ``cpu`` or ``cuda``.
        failed: A line for each method that could not be measured.
    """
    versions, machine = record["versions"], record["machine"]
    named = ("python", "torch", "numpy", "scipy")
    where = machine.get("gpu") if device == "cuda" else device
    first = rows[0].rounds
    parts = [
        "# Efficiency",
        "Seconds from the points of a cloud in memory to a score of every point (reader and score, "
        f"one cloud at a time); medians of {len(first)} rounds of {len(first[0]['seconds'])} "
        "clouds, the methods in turn, a process each; the first cloud, which warms up, is not "
        "timed. Time/floor: the time over that of copying the cloud, building a KD-tree, finding "
        "the nearest point of every point, and the networks' GFLOP at this machine's rate. Peak: "
        "growth of the resident memory while it is scored. Model: parameters and buffers. "
        f"Each method was fitted on {FITTED} clouds of the same size in a few steps, and "
        "its banks then filled to the rows that all train clouds would leave. Stages come from a "
        "pass of their own, on one thread.",
        f"Measured on {datetime.date.today().isoformat()} on {machine['cores']} cores of "
        f"{machine['processor']} ({where}, {first[0]['threads']} threads), "
        f"{', '.join(f'{name} {versions.get(name)}' for name in named)}, commit "
        f"{_short(record['commit'])}: `{typed}`.",
        markdown_sections(rows),
        *(["Not measured:", "\n".join(f"- {line}" for line in failed)] if failed else []),
    ]
    return "\n\n".join(parts) + "\n"


def _short(commit: str | None) -> str:
    head, dirty, _ = str(commit).partition("-dirty")
    return head[:10] + dirty


def markdown_sections(rows: Sequence[Measured]) -> str:
    """Return a table for each size of clouds, the fastest method first."""
    parts = []
    for points in dict.fromkeys(row.points for row in rows):
        same = sorted(
            (row for row in rows if row.points == points), key=lambda r: r.median("seconds")
        )
        parts += [f"## {points} points", _table(same)]
    return "\n\n".join(parts)


def _table(rows: Sequence[Measured]) -> str:
    cuda = any(row.median("cuda_mib") for row in rows)
    titles = ["s/cloud", "time/floor", "FPS", "reader s", "score s", "peak MiB"]
    titles += ["CUDA MiB"] * cuda + ["model MiB", "parameters", "GFLOP"]
    head = f"| method | {' | '.join(titles)} | where the time goes |"
    lines = [head, f"|---|{'--:|' * len(titles)}---|"]
    for row in rows:
        got = row.figures()
        cells = [f"{got['seconds']:.3f}", f"{got['seconds'] / row.floor:.1f}", f"{got['fps']:.2f}"]
        cells += [f"{got[name]:.3f}" for name in ("reader_seconds", "score_seconds")]
        cells += [f"{got['peak_mib']:.0f}"] + [f"{got['cuda_mib']:.0f}"] * cuda
        cells += [f"{got['model_mib']:.1f}", f"{got['parameters']:.0f}", f"{got['gflop']:.1f}"]
        stages = [f"{stage} {share:.0%}" for stage, share in row.stages.items() if share >= LEAST]
        lines.append(f"| {row.method} | {' | '.join(cells)} | {', '.join(stages)} |")
    return "\n".join(lines)


def csv_rows(rows: Sequence[Measured]) -> str:
    """Return a CSV table with one line per method and size."""
    stages = sorted({stage for row in rows for stage in row.stages})
    figures = list(rows[0].figures())
    lines = [",".join(["method", "points", *figures, *(f"share_{stage}" for stage in stages)])]
    for row in rows:
        shares = row.stages
        values = [*row.figures().values(), *(shares.get(stage, 0.0) for stage in stages)]
        lines.append(",".join([row.method, str(row.points), *(f"{value:.6g}" for value in values)]))
    return "\n".join(lines) + "\n"
