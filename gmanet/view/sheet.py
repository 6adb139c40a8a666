"""Pictures for papers and reports: rows of clouds in a common view, with titles and scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Floats, Labels
from gmanet.view.canvas import Canvas
from gmanet.view.colors import Bytes, Limits, label_colors, score_colors, score_limits
from gmanet.view.lettering import printable
from gmanet.view.render import fitting_extent, render
from gmanet.view.scale_bar import round_length

__all__ = ["Panel", "best_view", "save_row"]

Rotation = npt.NDArray[np.float64]
Row = Sequence["Panel"]

LETTERS = 9.0  # size of the letters in points
HEAD, FOOT, GAP, BAR = 40, 44, 12, 120  # pixels above, below, between panels, right of a score row
LONG = 1.5  # ratio of length to width from which on a part is drawn diagonally
PROBE = 5000  # number of points from which the view is chosen


def best_view(pos: Floats, region: Labels | None = None) -> Rotation:
    """Return a three-quarter view: rows point right, up and at the viewer, with shape ``(3, 3)``.

    Long parts are drawn diagonally; other parts are tilted so that holes are visible.  Of eight
    such views the function chooses the view that shows most of the region, and from which the
    surface is convex, so that one-sided scans are seen from outside.

    Args:
        pos: Points, with shape ``(N, 3)``.
        region: True for points that should be visible, with shape ``(N,)``; None for any.
    """
    return _views(pos)[_choice(pos, region)]


def save_row(
    path: Path,
    rows: Sequence[Row],
    *,
    unit: str = "",
    size: int = 420,
    limits: Limits | None = None,
    own_views: bool = False,
) -> None:
    """Write rows of panels as a PNG; the same input gives the same bytes.

    Panels of a row share a scale, shown by a scale bar, and the view that shows most of the region
    of the last labeled panel; clouds in another pose are rotated accordingly.  Rows
    with scores have a color bar.  Repeated titles are left out.

    Args:
        path: File to write, ending in ``.png``.
        rows: Panels of each row, from left to right.
        unit: Unit of the points, such as ``mm``.
        size: Width and height of a panel in pixels.
        limits: Scores with the first and last color; None for each row's median and 99.9th
            percentile.
        own_views: Whether each panel has the view that shows most of its own region instead.

    Raises:
        InputError: The path does not end in ``.png``, or the file cannot be written.
        ValueError: A row is empty, or there is none.
    """
    if not rows or not all(rows):
        raise ValueError(f"rows of {[len(row) for row in rows]} panels, wanted at least one each")
    bar = BAR if any(panel.score is not None for row in rows for panel in row) else 0
    width, pitch = GAP + max(map(len, rows)) * (size + GAP) + bar, HEAD + size + FOOT
    canvas = Canvas(path, width, height=len(rows) * pitch)
    above: list[str] = []
    for index, row in enumerate(rows):
        bottom = (len(rows) - 1 - index) * pitch + FOOT
        _draw_row(
            canvas, row, bottom=bottom, size=size, unit=unit, limits=limits, own_views=own_views
        )
        titles = [panel.title for panel in row]
        for column, title in enumerate(titles):
            if [title] != above[column : column + 1]:
                x, y = GAP + column * (size + GAP) + size / 2, bottom + size + HEAD / 2
                canvas.write(printable(title), x, y=y, size=LETTERS)
        above = titles
    canvas.save()


def _row_views(row: Row) -> list[Rotation]:
    """Return a view for each panel that shows most of the last labeled panel's region."""
    labelled = [panel for panel in row if panel.label is not None and panel.label.any()]
    model = labelled[-1] if labelled else row[0]
    choice = _choice(model.pos, model.label)
    return [_views((model if _same_pose(p.pos, model.pos) else p).pos)[choice] for p in row]


def _draw_row(
    canvas: Canvas,
    row: Row,
    *,
    bottom: int,
    size: int,
    unit: str,
    limits: Limits | None,
    own_views: bool,
) -> None:
    views = [best_view(p.pos, p.label) for p in row] if own_views else _row_views(row)
    extent = max(fitting_extent(p.pos, view) for p, view in zip(row, views, strict=True))
    scores = [panel.score for panel in row if panel.score is not None]
    low, high = limits or (score_limits(*scores) if scores else (0.0, 1.0))
    for column, (panel, view) in enumerate(zip(row, views, strict=True)):
        image, scale = render(
            panel.pos,
            panel.normal,
            rgb=panel.colors(low, high),
            view=view,
            size=size,
            extent=extent,
        )
        canvas.draw(image, GAP + column * (size + GAP), bottom=bottom)
    length = round_length(0.25 * size / scale)
    rule = np.zeros((4, round(length * scale), 3), dtype=np.uint8)
    canvas.draw(rule, GAP, bottom=bottom - FOOT // 2)
    text = printable(f"{length:g} {unit}")
    x, y = GAP + len(rule[0]) + 10, bottom - FOOT // 2 + 2
    canvas.write(text, x, y=y, size=LETTERS, ha="left")
    if scores:
        right = GAP + len(row) * (size + GAP)
        canvas.bar(right, bottom=bottom + 40, length=size - 80, width=22)
        middle = bottom + size / 2
        canvas.write("score", right + 40, y=middle, size=LETTERS, rotation="vertical")
        for value, height in ((low, 40), (high, size - 40)):
            y = bottom + height
            canvas.write(f"{value:.2g}", right + 30, y=y, size=LETTERS, ha="left")


def _views(pos: Floats) -> list[Rotation]:
    """Return eight three-quarter views in an order that is independent of the part's pose."""
    offset = pos.astype(np.float64) - pos.mean(axis=0, dtype=np.float64)
    axes = np.linalg.eigh(offset.T @ offset)[1].T[::-1]
    axes = axes * np.where(((offset @ axes.T) ** 3).sum(axis=0) < 0, -1, 1)[:, None]
    axes[2] = np.cross(axes[0], axes[1])
    span = np.ptp(offset @ axes.T, axis=0)
    if span[0] > LONG * span[1]:  # the first axis rises to the right and comes toward the viewer
        final, own, flip = _rotation(2, 45) @ _rotation(1, -25) @ _rotation(0, 30), 0, 2
    else:
        final, own, flip = _rotation(0, -48) @ _rotation(2, 25), 2, 0
    angles = product((0, 180), (0, 90, 180, 270))
    return [final @ _rotation(own, angle) @ _rotation(flip, half) @ axes for half, angle in angles]


def _rotation(axis: int, degrees: float) -> Rotation:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.roll([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]], axis, axis=(0, 1))


def _choice(pos: Floats, region: Labels | None) -> int:
    """Return the index of the view that shows most of the region, from the convex side."""
    some = slice(None, None, max(1, len(pos) // PROBE))
    merit = np.zeros(8)
    for index, view in enumerate(_views(pos)):
        depth = pos @ view[2]
        merit[index] = (depth.mean() - depth.min()) / np.ptp(depth)
        if region is not None and region.any():
            colors = np.where(region[some, None], [255, 0, 0], [0, 0, 255])
            image = render(pos[some], None, rgb=colors, view=view, size=96, background=(0, 0, 0))[0]
            merit[index] += 50 * np.mean(image[..., 0] > image[..., 2])
    return int(np.argmax(np.round(merit, 2)))


def _same_pose(pos: Floats, other: Floats) -> bool:
    """Return whether two clouds of one part have the same pose, judged by their covariance."""
    spread, model = (np.cov(cloud, rowvar=False, dtype=np.float64) for cloud in (pos, other))
    return bool(np.linalg.norm(spread - model) < 0.1 * np.linalg.norm(model))


@dataclass(frozen=True, eq=False, kw_only=True)
class Panel:
    """One cloud to draw, colored by at most one of ``rgb``, ``score`` and ``label``.

    Args:
        title: Text above the panel.
        pos: Points, with shape ``(N, 3)``.
        rgb: Colors from 0 to 255, with shape ``(N, 3)``.
        score: Anomaly scores, with shape ``(N,)``.
        label: True where abnormal, with shape ``(N,)``.
        normal: Unit normals, with shape ``(N, 3)``; None to estimate them.
    """

    title: str
    pos: Floats
    rgb: Bytes | None = None
    score: Floats | None = None
    label: Labels | None = None
    normal: Floats | None = None

    def __post_init__(self) -> None:
        given = [len(one) for one in (self.rgb, self.score, self.label) if one is not None]
        if given not in ([], [len(self.pos)]):
            raise ValueError(f"panel {self.title!r}: colors for {given} of {len(self.pos)} points")

    def colors(self, low: float, high: float) -> Bytes:
        """Return each point's color, scores from ``low`` to ``high``, with shape ``(N, 3)``."""
        if self.score is not None:
            return score_colors(self.score, low, high=high)
        if self.rgb is not None:
            return self.rgb
        return label_colors(np.zeros(len(self.pos), bool) if self.label is None else self.label)
