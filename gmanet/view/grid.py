"""Score pictures in a grid, as in the paper's Fig. 6: a line per part, a column per method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from gmanet.cloud import Floats, Indices, Labels
from gmanet.runtime.atomic import replacing
from gmanet.view.colors import SCORE_MAP, Bytes, label_colors, score_colors
from gmanet.view.lettering import printable
from gmanet.view.render import fitting_extent, render
from gmanet.view.sheet import best_view

__all__ = ["Line", "save_grid"]

DPI = 200
POINTS = 30000
"""Largest number of points that are drawn; a panel has no more pixels."""
PIXELS = 1_200_000
"""Number of pixels of all panels, which keeps the file below a megabyte."""
SIZES = (110, 300)
HEAD, LEFT, RIGHT, GAP = 96, 70, 110, 8
LETTER = 8
"""Width of a letter in pixels."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Line:
    """One cloud and its scores.

    Args:
        title: Text to the left of the line.
        pos: Points, with shape ``(N, 3)``.
        label: True where abnormal, with shape ``(N,)``; None if unknown.
        scores: Scores of each method, with shape ``(N,)``; None leaves the panel empty.
        limits: Scores with the first and the last color, of each method.
    """

    title: str
    pos: Floats
    label: Labels | None
    scores: Sequence[Floats | None]
    limits: Sequence[tuple[float, float]]


def save_grid(path: Path, titles: Sequence[str], *, lines: Sequence[Line]) -> None:
    """Write the truth and each method's scores as a PNG below a megabyte.

    All panels of a line share the view that shows most of the truth; the same input gives the same
    bytes.  Larger clouds are drawn from ``POINTS`` of their points.

    Args:
        path: File to write.
        titles: Names of the methods.
        lines: Clouds from top to bottom, each with a score per title.

    Raises:
        InputError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    columns = 1 + len(titles)
    size = int(np.clip(np.sqrt(PIXELS / (columns * len(lines))), *SIZES))
    width, height = LEFT + columns * (size + GAP) + RIGHT, HEAD + len(lines) * (size + GAP)
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)

    def write(text: str, x: float, y: float, rotation: float = 0, large: float = 5.4) -> None:
        figure.text(
            x / width,
            y / height,
            text,
            parse_math=False,
            family="DejaVu Sans",
            fontsize=large,
            ha="center",
            va="center",
            rotation=rotation,
            linespacing=1.1,
        )

    letters = max(6, size // LETTER)
    longest = max(len(word) for title in titles for word in title.split())
    large = 5.4 * min(1.0, letters / longest)
    for column, title in enumerate(("truth", *titles)):
        middle = LEFT + column * (size + GAP) + size / 2
        text = fill(printable(title), letters, break_on_hyphens=False, break_long_words=False)
        write(text, middle, y=height - HEAD / 2, large=large)
    for index, line in enumerate(lines):
        bottom = height - HEAD - (index + 1) * (size + GAP) + GAP
        write(fill(printable(line.title), letters), LEFT / 2, y=bottom + size / 2, rotation=90)
        for column, image in enumerate(_images(line, size)):
            figure.figimage(image, LEFT + column * (size + GAP), bottom, origin="upper")
    _bar(figure, width - RIGHT + GAP, bottom=height - HEAD - size, size=size, write=write)
    with replacing(path) as draft:
        canvas.draw()
        opaque = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
        opaque.save(draft, format="png", optimize=True)


def _bar(figure: Any, left: int, *, bottom: int, size: int, write: Callable[..., None]) -> None:
    """Draw the color bar next to the first line."""
    steps = np.linspace(255, 0, size - 40).astype(np.int64)
    figure.figimage(np.repeat(SCORE_MAP[steps, None], 16, axis=1), left, bottom + 20)
    write("99.9 %", left + 58, y=bottom + size - 26, large=6)
    write("median", left + 58, y=bottom + 26, large=6)


def _images(line: Line, size: int) -> list[Bytes]:
    """Return the pictures of a line, white where there is no score."""
    chosen = _subsample(len(line.pos))
    pos = line.pos[chosen]
    label = np.zeros(len(pos), np.bool_) if line.label is None else line.label[chosen]
    view = best_view(pos, label)
    extent = fitting_extent(pos, view)
    colors: list[Bytes | None] = [label_colors(label)]
    for score, limits in zip(line.scores, line.limits, strict=True):
        colors.append(
            None if score is None else score_colors(score[chosen], limits[0], high=limits[1])
        )
    blank = np.full((size, size, 3), 255, np.uint8)
    return [
        blank if rgb is None else render(pos, None, rgb=rgb, view=view, size=size, extent=extent)[0]
        for rgb in colors
    ]


def _subsample(count: int) -> Indices:
    """Return the ascending indices of the drawn points, a random subsample."""
    if count <= POINTS:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, POINTS, replace=False))
