"""Score pictures in a grid, as in the paper's Fig. 6: a line per part, a column per method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import numpy as np

from gmanet.cloud import Floats, Indices, Labels
from gmanet.view.canvas import Canvas
from gmanet.view.colors import Bytes, label_colors, score_colors
from gmanet.view.lettering import printable
from gmanet.view.render import fitting_extent, render
from gmanet.view.sheet import best_view

__all__ = ["Line", "save_grid"]

LETTERS = 5.4
"""Size of the letters in points."""
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
    columns = 1 + len(titles)
    size = int(np.clip(np.sqrt(PIXELS / (columns * len(lines))), *SIZES))
    width, height = LEFT + columns * (size + GAP) + RIGHT, HEAD + len(lines) * (size + GAP)
    canvas = Canvas(path, width, height=height)
    letters = max(6, size // LETTER)
    longest = max(len(word) for title in titles for word in title.split())
    large = LETTERS * min(1.0, letters / longest)
    for column, title in enumerate(("truth", *titles)):
        middle = LEFT + column * (size + GAP) + size / 2
        text = fill(printable(title), letters, break_on_hyphens=False, break_long_words=False)
        canvas.write(text, middle, y=height - HEAD / 2, size=large, linespacing=1.1)
    for index, line in enumerate(lines):
        bottom = height - HEAD - (index + 1) * (size + GAP) + GAP
        text = fill(printable(line.title), letters)
        y = bottom + size / 2
        canvas.write(text, LEFT / 2, y=y, size=LETTERS, rotation=90, linespacing=1.1)
        for column, image in enumerate(_images(line, size)):
            canvas.draw(image, LEFT + column * (size + GAP), bottom=bottom)
    left, top = width - RIGHT + GAP, height - HEAD
    canvas.bar(left, bottom=top - size + 20, length=size - 40, width=16)
    canvas.write("99.9 %", left + 58, y=top - 26, size=6, linespacing=1.1)
    canvas.write("median", left + 58, y=top - size + 26, size=6, linespacing=1.1)
    canvas.save(small=True)


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
