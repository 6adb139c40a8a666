"""One cloud from several sides (the paper's Fig. 7): a line per coloring, a column per view."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gmanet.cloud import Floats, Labels
from gmanet.view.canvas import Canvas
from gmanet.view.colors import Bytes
from gmanet.view.lettering import printable
from gmanet.view.render import fitting_extent, render
from gmanet.view.sheet import Rotation, best_view

__all__ = ["ANGLES", "rotated", "save_perspectives"]

ANGLES = (0, 60, 180, 240)
"""Rotations of the part about the picture's vertical axis, in degrees; no view is edge-on."""

LETTERS = 8.0
"""Size of the letters in points."""
SIZE = 300
"""Side of a panel, in pixels."""
HEAD, LEFT, RIGHT, GAP = 44, 50, 100, 8


def rotated(view: Rotation, degrees: float) -> Rotation:
    """Return the view after a rotation about the picture's vertical axis, ``(3, 3)``."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ view


def save_perspectives(
    path: Path,
    pos: Floats,
    *,
    colors: Mapping[str, Bytes],
    region: Labels | None = None,
    limits: tuple[float, float] | None = None,
) -> None:
    """Write a cloud under four views as a PNG; the same input gives the same bytes.

    Args:
        path: File to write, ending in ``.png``.
        pos: Points, with shape ``(N, 3)``.
        colors: Title of a line -> colors of the points, with shape ``(N, 3)``.
        region: True for points that the first view should show, with shape ``(N,)``.
        limits: Scores with the first and the last color, for a bar next to the last line; None for
            no bar.

    Raises:
        InputError: The path does not end in ``.png``, or the file cannot be written.
    """
    first = best_view(pos, region)
    views = [rotated(first, angle) for angle in ANGLES]
    extent = max(fitting_extent(pos, view) for view in views)
    width = LEFT + len(views) * (SIZE + GAP) + RIGHT * (limits is not None)
    height = HEAD + len(colors) * (SIZE + GAP)
    canvas = Canvas(path, width, height=height)
    for column, angle in enumerate(ANGLES):
        middle = LEFT + column * (SIZE + GAP) + SIZE / 2
        canvas.write(f"{angle}°", middle, y=height - HEAD / 2, size=LETTERS)
    for line, (title, rgb) in enumerate(colors.items()):
        bottom = height - HEAD - (line + 1) * (SIZE + GAP) + GAP
        y = bottom + SIZE / 2
        canvas.write(printable(title), LEFT / 2, y=y, size=LETTERS, rotation=90)
        for column, view in enumerate(views):
            image = render(pos, None, rgb=rgb, view=view, size=SIZE, extent=extent)[0]
            canvas.draw(image, LEFT + column * (SIZE + GAP), bottom=bottom)
    if limits is not None:
        left = width - RIGHT + GAP
        canvas.bar(left, bottom=30, length=SIZE - 60, width=16)
        for value, y in zip(limits, (30, SIZE - 30), strict=True):
            canvas.write(f"{value:.2g}", left + 24, y=y, size=LETTERS, ha="left")
    canvas.save()
