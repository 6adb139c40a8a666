"""The figures of many runs, and their means over categories and seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gmanet.evaluation.measure import Figures

__all__ = ["Mean", "Result", "mean", "mean_figure"]

NOTHING = "-"


@dataclass(frozen=True, kw_only=True)
class Result:
    """The figures of one run.

    Args:
        row: The variant.
        category: The part.
        seed: Seed of the run.
        figures: Content of ``scores.json``.
        published: Figures of the paper for the same variant and part.
        commit: Commit of the code that measured the figures.
        overrides: Overrides of the run, without ``name=``.
        data: Name of the data set.
    """

    row: str
    category: str
    seed: int
    figures: dict[str, Any]
    published: Figures = field(default_factory=dict)
    commit: str = ""
    overrides: str = ""
    data: str = ""


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over categories and seeds.

    Args:
        value: The mean; NaN if no run has the figure.
        spread: Standard deviation over seeds; NaN for one seed.
        paper: Mean of the paper over the same categories; NaN if unknown.
        whole: Whether the mean covers all categories.
    """

    value: float = math.nan
    spread: float = math.nan
    paper: float = math.nan
    whole: bool = True

    def text(self, rivals: Sequence[Mean]) -> str:
        """Return the mean as text, bold if it is the best of those that cover all categories.

        Args:
            rivals: Means to compare with, including this one.
        """
        if math.isnan(self.value):
            return NOTHING
        shown = f"{self.value:.3f}" + ("" if math.isnan(self.spread) else f" ± {self.spread:.3f}")
        if not self.whole:
            return f"{shown} (some)"
        others = [other for other in rivals if other.whole and not math.isnan(other.value)]
        best = round(self.value, 3) >= max(round(other.value, 3) for other in others)
        return f"**{shown}**" if best and len(rivals) > 1 else shown


def mean(results: Sequence[Result], read: Callable[[Result], float | None], *, count: int) -> Mean:
    """Return the mean and the spread over seeds of the macro mean over categories.

    Args:
        results: Runs of a single row.
        read: Function from a run to a figure, or to None if the run does not have it.
        count: Number of categories.
    """
    seeds: dict[int, list[float]] = {}
    covered = set()
    for result in results:
        value = read(result)
        if value is not None and math.isfinite(value):
            seeds.setdefault(result.seed, []).append(float(value))
            covered.add(result.category)
    means = [statistics.fmean(values) for values in seeds.values()]
    if not means:
        return Mean()
    spread = statistics.stdev(means) if len(means) > 1 else math.nan
    return Mean(value=statistics.fmean(means), spread=spread, whole=len(covered) == count)


def mean_figure(results: Sequence[Result], figure: str, *, count: int) -> Mean:
    """Return the mean of a figure, with the mean of the paper if that covers all categories.

    Args:
        results: Runs of a single row.
        figure: Name of the figure.
        count: Number of categories.
    """
    ours = mean(results, lambda result: result.figures.get(figure), count=count)
    paper = mean(results, lambda result: result.published.get(figure), count=count)
    known = paper.value if paper.whole else math.nan
    return Mean(value=ours.value, spread=ours.spread, paper=known, whole=ours.whole)
