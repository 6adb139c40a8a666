"""Distributions of cloud and defect sizes of several data sets (the paper's Fig. 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gmanet.runtime.atomic import replacing

__all__ = ["save_distributions"]

BINS = 40
STYLES = ("#1f5a99", "#c4222d", "#2d7d46", "#8a5a9e", "#c77f1a", "#4a4a4a", "#17a2a2", "#a8577e")


def save_distributions(
    path: Path, ratios: Mapping[str, Sequence[float]], *, points: Mapping[str, Sequence[int]]
) -> None:
    """Write two panels as a PNG: the share of clouds over anomaly ratio, and over point number.

    Args:
        path: The file, ending in ``.png``.
        ratios: Share of abnormal points in each abnormal cloud, by data set.
        points: Number of points of each cloud, by data set.

    Raises:
        InputError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), dpi=150, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    known = {name: np.asarray(values, float) for name, values in ratios.items() if len(values)}
    counts = {name: np.asarray(values, float) for name, values in points.items() if len(values)}
    most = max((float(values.max()) for values in known.values()), default=0.0)
    edges = np.linspace(0, most or 1, BINS + 1)
    ends = [f(values) for values in counts.values() for f in (np.min, np.max)] or [1, 10]
    spaced = np.geomspace(min(ends) * 0.9, max(ends) * 1.1, BINS + 1)
    for axes, kinds, bins in ((left, known, edges), (right, counts, spaced)):
        for color, (name, values) in zip(STYLES * len(kinds), kinds.items(), strict=False):
            weight = np.full(len(values), 100 / len(values))
            label = f"{name} ({len(values):,} clouds)"
            axes.hist(values, bins, weights=weight, histtype="step", color=color, label=label)
        axes.set_ylabel("clouds (%)")
        axes.spines[["top", "right"]].set_visible(False)
        if kinds:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8, frameon=False)
    left.set_xlabel("share of abnormal points in abnormal clouds")
    left.set_xlim(left=0)
    right.set_xlabel("points of a cloud")
    right.set_xscale("log")
    with replacing(path) as draft:
        figure.savefig(draft, format="png", metadata={"Software": None})
