"""Nuts: hexagonal, K (with a toothed lock washer), round, square welded, pulling."""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Array, Mesh
from gmanet.datasets.procedural.shapes import (
    angles,
    bevel,
    even_angles,
    face,
    levels,
    loose,
    prism,
    revolve,
    smoothstep,
    vary,
    wall,
)
from gmanet.datasets.procedural.threads import bore

__all__ = [
    "hexagonal_nut",
    "k_nut",
    "pulling_nut",
    "round_nut",
    "square_welded_nut",
]


def _hexagon(theta: Array, flats: float, *, height: Array, top: float, bottom: float) -> Array:
    """Return the radii of a hexagon with corners chamfered by a 30° cone at both ends.

    Args:
        theta: Angles in radians, with shape ``(columns,)``.
        flats: Distance of opposite flats, in millimeters.
        height: Heights of the rows, in millimeters, with shape ``(rows,)``.
        top: Height of the upper end, in millimeters.
        bottom: Height of the lower end, in millimeters.
    """
    gap = np.minimum((height - bottom), (top - height))[:, None]
    return np.asarray(
        np.minimum(prism(theta, 6, flats=flats), 0.475 * flats + gap / np.tan(np.pi / 6))
    )


def hexagonal_nut(rng: np.random.Generator) -> Mesh:
    """Return a hexagonal nut, M12."""
    flats, high, radius, pitch = vary(rng, 19.0, 10.4, 6.0, 1.75)
    step = 0.16
    theta = angles(2 * np.pi * flats * 0.55, step)
    up = levels(0.0, high, step=step)
    outside = _hexagon(theta, flats, height=up, top=high, bottom=0.0)
    inside, down = bore(rng, theta, ends=(0.0, high), radius=radius, pitch=pitch)
    rows = [
        wall(outside, up),
        face(outside[-1], inside[0], height=high, step=step),
        wall(inside, down),
        face(inside[-1], outside[0], height=0.0, step=step),
    ]
    return revolve(theta, rows, kind="ring")


def k_nut(rng: np.random.Generator) -> Mesh:
    """Return a hexagonal nut with a captive toothed lock washer under it, M8."""
    flats, high, radius, pitch = vary(rng, 13.0, 8.2, 4.0, 1.25)
    rim, tooth, thick, neck = vary(rng, 7.4, 1.5, 1.1, 5.6)
    step = 0.18
    fine = np.linspace(0, 2 * np.pi, 6000, endpoint=False)
    spread = angles(2 * np.pi * (rim + tooth) * 1.7, step)
    theta = even_angles(fine, rim + tooth * _teeth(fine), count=len(spread))
    # The lock washer with twisted teeth, then a groove, then the hexagon.
    disk = levels(0.0, thick, step=step)
    teeth = np.broadcast_to(rim + tooth * _teeth(theta), (len(disk), len(theta)))
    groove = levels(thick, thick + 0.6, step=step)
    hexagon = levels(thick + 0.6, high, step=step)
    outside = np.minimum(
        prism(theta, 6, flats=flats),
        0.475 * flats + (high - hexagon[:, None]) / np.tan(np.pi / 6),
    )
    inside, down = bore(rng, theta, ends=(0.0, high), radius=radius, pitch=pitch)
    circle = np.full((len(groove), len(theta)), neck)
    rows = [
        wall(teeth, disk),
        face(teeth[-1], circle[0], height=thick, step=step),
        wall(circle, groove),
        face(circle[-1], outside[0], height=thick + 0.6, step=step),
        wall(outside, hexagon),
        face(outside[-1], inside[0], height=high, step=step),
        wall(inside, down),
        face(inside[-1], teeth[0], height=0.0, step=step),
    ]
    mesh = revolve(theta, rows, kind="ring")
    places = mesh.vertices.copy()
    distance = np.hypot(places[:, 0], places[:, 1])
    turn = (np.arctan2(places[:, 1], places[:, 0]) * 14 / (2 * np.pi)) % 1.0 - 0.5
    low = smoothstep(distance, rim - 1.0, high=rim + tooth) * (places[:, 2] <= thick + 1e-9)
    places[:, 2] += 1.2 * low * turn * smoothstep(0.5 - np.abs(turn), 0.0, high=0.2)
    return mesh.moved(places)


def _teeth(theta: Array) -> Array:
    """Return 1 on the 14 teeth of a lock washer and 0 in the gaps."""
    turn = np.abs(((theta * 14 / (2 * np.pi)) % 1.0) - 0.5)
    return smoothstep(-turn, -0.38, high=-0.28)


def round_nut(rng: np.random.Generator) -> Mesh:
    """Return a slotted round nut, M20, with four slots in its rim."""
    outer, radius, pitch = vary(rng, 17.0, 10.0, 2.0)
    high = loose(rng, 9.0, tolerance=0.04)  # cut off a bar; see _SHEET in rings.py
    width, depth = vary(rng, 5.0, 2.4)
    step = 0.25
    fine = np.linspace(0, 2 * np.pi, 8000, endpoint=False)
    count = len(angles(2 * np.pi * outer * 1.2, step))
    theta = even_angles(fine, _slotted(fine, outer, width=width, depth=depth), count=count)
    up = levels(0.0, high, step=step)
    outside = (
        _slotted(theta, outer, width=width, depth=depth)
        - bevel(up, 0.0, high=high, below=0.8, above=0.8)[:, None]
    )
    inside, down = bore(rng, theta, ends=(0.0, high), radius=radius, pitch=pitch)
    rows = [
        wall(outside, up),
        face(outside[-1], inside[0], height=high, step=step),
        wall(inside, down),
        face(inside[-1], outside[0], height=0.0, step=step),
    ]
    return revolve(theta, rows, kind="ring")


def _slotted(theta: Array, outer: float, *, width: float, depth: float) -> Array:
    """Return the radii of a disk with four slots of equal width and flat bottoms."""
    turn = (theta + np.pi / 4) % (np.pi / 2) - np.pi / 4
    across = np.abs(outer * np.sin(turn))
    floor = (outer - depth) / np.cos(turn)
    inside = smoothstep(-across, -width / 2 - 0.06, high=-width / 2 + 0.06)
    return outer + inside * (np.minimum(floor, outer) - outer)


def square_welded_nut(rng: np.random.Generator) -> Mesh:
    """Return a square weld nut, M10, with a projection under each corner."""
    flats, high, radius, pitch = vary(rng, 17.0, 8.0, 5.0, 1.5)
    lug, reach = vary(rng, 1.0, 9.2)
    step = 0.15
    theta = angles(2 * np.pi * flats * 0.68, step)
    up = levels(0.0, high, step=step)
    outside = np.minimum(prism(theta, 4, flats=flats), 0.66 * flats)
    outside = outside - bevel(up, 0.0, high=high, below=0.15, above=0.3)[:, None]
    inside, down = bore(rng, theta, ends=(0.0, high), radius=radius, pitch=pitch)
    rows = [
        wall(outside, up),
        face(outside[-1], inside[0], height=high, step=step),
        wall(inside, down),
        face(inside[-1], outside[0], height=0.0, step=step),
    ]
    mesh = revolve(theta, rows, kind="ring")
    places = mesh.vertices.copy()
    corner = reach / np.sqrt(2)
    away = np.hypot(np.abs(places[:, 0]) - corner, np.abs(places[:, 1]) - corner)
    share = np.clip(1 - places[:, 2] / 1.5, 0.0, 1.0)
    places[:, 2] -= lug * share * smoothstep(-away, -2.2, high=-1.2)
    return mesh.moved(places)


def pulling_nut(rng: np.random.Generator) -> Mesh:
    """Return a pulling (rivet) nut, M8: thin knurled shell, flange at the top, thread below."""
    body, long, rim, flange = vary(rng, 5.5, 17.0, 8.0, 1.5)
    radius, pitch, shell, deep = vary(rng, 4.0, 1.25, 4.7, 7.5)
    step = 0.17
    theta = angles(2 * np.pi * rim, step)
    up = levels(0.0, long - flange, step=step)
    knurl = np.abs(((theta * 24 / (2 * np.pi)) % 1.0) - 0.5) * 2
    ribs = smoothstep(up, 8.0, high=8.6) * smoothstep(-up, -14.8, high=-14.2)
    outside = body + 0.25 * ribs[:, None] * smoothstep(knurl, 0.3, high=0.8)
    outside = outside - bevel(up, 0.0, high=long, below=0.6, above=0.0)[:, None]
    edge = levels(long - flange, long, step=step)
    brim = rim - bevel(edge, long - flange, high=long, below=0.15, above=0.4)[:, None] + 0 * theta
    free = levels(deep, long, step=step)[::-1]
    smooth = shell - np.clip(1 - (free - deep) / 1.0, 0, 1)[:, None] * (shell - 4.2) + 0 * theta
    inside, down = bore(rng, theta, ends=(0.0, deep), radius=radius, pitch=pitch)
    rows = [
        wall(outside, up),
        face(outside[-1], brim[0], height=long - flange, step=step),
        wall(brim, edge),
        face(brim[-1], smooth[0], height=long, step=step),
        wall(smooth, free),
        wall(inside[1:], down[1:]),
        face(inside[-1], outside[0], height=0.0, step=step),
    ]
    return revolve(theta, rows, kind="ring")
