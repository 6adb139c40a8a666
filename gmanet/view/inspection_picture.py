"""The picture of an inspected scan: large from the side of the worst place, small from three more.

Colors mean the same in every picture of a detector: gray up to the point limit, red above it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud, Floats, Labels
from gmanet.view.colors import SURFACE_COLOR, score_colors
from gmanet.view.facing import sides, view_from
from gmanet.view.lettering import printable
from gmanet.view.plain_canvas import PlainCanvas
from gmanet.view.render import render
from gmanet.view.scale_bar import round_length
from gmanet.view.verdict_colors import limit_colors, saturation
from gmanet.view.viewpoints import rotated

__all__ = ["Colored", "save_inspection"]

LARGE, SMALL = 480, 156
"""Width and height of the large and of the small views, in pixels."""

HEAD, FOOT, GAP, BAR = 56, 36, 6, 100
"""Pixels above, below, between the views, and for the color bar."""

TURNS = (90, 180, 270)
"""Rotations of the small views about the upright axis of the large one, in degrees."""

WITHIN, MARGIN = 0.995, 1.08
"""Share of the points that fit into a view, and how much larger it is than these."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Colored:
    """Scores of a scan and what their colors mean.

    Args:
        score: Score of each point, with shape ``(N,)``.
        low: Highest score of the first color.
        high: Score of the last color.
        limit: Whether the first color ends at the point limit of a detector.
    """

    score: Floats
    low: float
    high: float
    limit: bool

    @classmethod
    def of(cls, score: Floats, point_limit: float, *, limits: tuple[float, float]) -> Colored:
        """Return the colors of a detector with a point limit, or else those between two scores."""
        if np.isnan(point_limit):
            return cls(score=score, low=limits[0], high=limits[1], limit=False)
        high = saturation(point_limit)
        return cls(score=score, low=point_limit, high=high, limit=True)

    def colors(self, score: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """Return the colors of scores, with shape ``(N, 3)``."""
        if self.limit:
            return limit_colors(score, self.low)
        return score_colors(score, self.low, high=self.high)


def save_inspection(
    path: Path, cloud: Cloud, *, title: str, colored: Colored, place: Labels, unit: str = ""
) -> None:
    """Write the picture as a PNG; the same input gives the same bytes.

    Args:
        path: File to write, ending in ``.png``.
        cloud: The scan.
        title: One or two lines.
        colored: Scores and the meaning of their colors.
        place: True for the points of the worst place, with shape ``(N,)``; at least one is.
        unit: Unit of the scan; empty if unknown.

    Raises:
        OutputError: The file cannot be written.
    """
    first = view_from(sides(cloud.pos).facing(cloud.pos[place]), cloud.pos)
    views = [first, *(rotated(first, turn) for turn in TURNS)]
    rgb = colored.colors(colored.score)
    middle = np.median(cloud.pos, axis=0)
    inside = np.linalg.norm(cloud.pos - middle, axis=1)
    kept = inside <= MARGIN * np.quantile(inside, WITHIN)
    pos, rgb = cloud.pos[kept], rgb[kept]
    extent = max(MARGIN * float(np.ptp(pos @ view[:2].T, axis=0).max()) / 2 for view in views)
    canvas = PlainCanvas(path, LARGE + GAP + SMALL + BAR, height=HEAD + LARGE + FOOT)
    scale = 1.0
    for number, view in enumerate(views):
        size = SMALL if number else LARGE
        image, drawn = render(pos, None, rgb=rgb, view=view, size=size, extent=extent)
        left = LARGE + GAP if number else 0
        canvas.draw(image, left, top=HEAD + max(0, number - 1) * (SMALL + GAP))
        scale = drawn if not number else scale
    canvas.write(printable(title.partition("\n")[0]), 8, top=8)
    canvas.write(printable(title.partition("\n")[2]), 8, top=30)
    _scale_bar(canvas, scale, unit)
    _color_bar(canvas, colored)
    canvas.save()


def _scale_bar(canvas: PlainCanvas, scale: float, unit: str) -> None:
    length = round_length(0.25 * LARGE / scale)
    rule = np.zeros((4, max(1, round(length * scale)), 3), dtype=np.uint8)
    top = HEAD + LARGE + FOOT // 2
    canvas.draw(rule, 8, top=top - 2)
    text = f"{length:g} {unit or '(unit of the scan)'}"
    canvas.write(text, 16 + rule.shape[1], top=top - 9)


def _color_bar(canvas: PlainCanvas, colored: Colored) -> None:
    """Draw the colors upright, the highest score on top, with gray below the limit."""
    left, length = LARGE + GAP + SMALL + 12, max(8, LARGE - 90)
    values = np.linspace(colored.high, colored.low, length, dtype=np.float32)
    values[-1] = colored.low
    bar = np.repeat(colored.colors(values)[:, None], 18, axis=1)
    gray = np.broadcast_to(SURFACE_COLOR, (60, 18, 3)).astype(np.uint8)
    canvas.draw(np.concatenate([bar, gray]) if colored.limit else bar, left, top=HEAD + 10)
    canvas.write(f"{colored.high:.3g}", left + 24, top=HEAD + 4)
    canvas.write(f"{colored.low:.3g}", left + 24, top=HEAD + length)
    if colored.limit:
        canvas.write("limit", left + 24, top=HEAD + length + 18)
