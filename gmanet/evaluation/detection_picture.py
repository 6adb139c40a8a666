"""Picture of probability-of-detection curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gmanet.runtime.atomic import replacing
from gmanet.verdict.detection import Detection

__all__ = ["save_curves"]

STYLES = ("#1f5a99", "#c4222d", "#2d7d46", "#8a5a9e", "#c77f1a", "#4a4a4a")


def save_curves(path: Path, detections: Sequence[Detection]) -> None:
    """Write a PNG with one panel for each family and radius.

    A panel shows hits above, misses below, the curve, ``a90/95`` as a solid line and the ideal
    observer's ``a90`` as a dotted one.

    Args:
        path: The file, ending in ``.png``.
        detections: What the panels show.

    Raises:
        InputError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(3, len(detections))
    rows = -(-len(detections) // columns)
    figure = Figure(figsize=(4 * columns, 2.8 * rows), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    for number, found in enumerate(detections):
        axes, color = every[number], STYLES[number % len(STYLES)]
        place = np.geomspace(found.depths.min(), found.depths.max(), 200)
        axes.plot(place, found.curve(place), color=color)
        axes.plot(found.depths, np.where(found.hits, 1.03, -0.03), "|", color=color)
        for depth, style in ((found.curve.a90_95, "-"), (found.ideal, ":")):
            if np.isfinite(depth):
                axes.axvline(depth, color="#4a4a4a", linestyle=style, linewidth=0.9)
        axes.set_xscale("log")
        axes.set_title(
            f"{found.family}, radius {found.radius:.2g} {found.unit}".strip(), fontsize=9
        )
        axes.set_xlabel(f"depth ({found.unit})" if found.unit else "depth", fontsize=8)
        axes.set_ylabel("probability of detection", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in every[len(detections) :]:
        axes.set_visible(False)
    with replacing(path) as draft:
        figure.savefig(draft, format="png", metadata={"Software": None})
