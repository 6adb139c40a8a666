"""Flat parts: fender ring, washer, hole retaining ring."""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Array, Index, Mesh, cut, grid, join
from gmanet.datasets.procedural.shapes import (
    angles,
    bevel,
    face,
    levels,
    loose,
    revolve,
    smoothstep,
    vary,
    wall,
)

__all__ = ["fender_ring", "hole_retaining_ring", "washer"]

_SHEET = 0.12
"""Tolerance of a sheet's thickness, as a share of the nominal thickness.

The tolerance is large, and so is the warp of stamped parts: if all rings were equally thin and
flat, the bounding box alone would reveal a defect.
"""


def fender_ring(rng: np.random.Generator) -> Mesh:
    """Return a broad thin ring whose upper rim is rounded by the punch."""
    outer, bore, roll = vary(rng, 19.0, 4.2, 0.45)
    ring = _flat_ring(
        outer,
        bore,
        thick=loose(rng, 1.6, tolerance=_SHEET),
        rim=(roll, 0.1),
        hole=(0.1, 0.25),
        step=0.30,
    )
    return _stamped(rng, ring, outer=outer, rise=0.7)


def washer(rng: np.random.Generator) -> Mesh:
    """Return a thick washer with a chamfered upper rim."""
    outer, bore, edge = vary(rng, 12.0, 6.5, 0.7)
    ring = _flat_ring(
        outer,
        bore,
        thick=loose(rng, 2.5, tolerance=_SHEET),
        rim=(edge, 0.12),
        hole=(0.12, 0.12),
        step=0.18,
    )
    return _stamped(rng, ring, outer=outer, rise=0.5)


def _stamped(rng: np.random.Generator, ring: Mesh, *, outer: float, rise: float) -> Mesh:
    """Return a flat part, dished and twisted by the punch by up to ``rise`` millimeters."""
    x, y, z = ring.vertices.T
    dish, twist, angle = rng.uniform(-rise, rise), rng.uniform(0, rise / 2), rng.uniform(0, np.pi)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    bend = dish * (u * u + v * v) + twist * (u * u - v * v)
    return ring.moved(np.stack([x, y, z + bend / outer**2], axis=1))


def _flat_ring(
    outer: float,
    bore: float,
    *,
    thick: float,
    rim: tuple[float, float],
    hole: tuple[float, float],
    step: float,
) -> Mesh:
    """Return a flat ring.

    Args:
        outer: Radius of the ring, in millimeters.
        bore: Radius of the hole, in millimeters.
        thick: Thickness, in millimeters.
        rim: Upper and lower bevel of the outer edge, in millimeters.
        hole: Upper and lower bevel of the hole, in millimeters.
        step: Longest edge of a triangle, in millimeters.
    """
    theta = angles(2 * np.pi * outer, step)
    column = np.zeros(len(theta))
    up = levels(0.0, thick, step=step / 1.5)
    outside = outer - bevel(up, 0.0, high=thick, below=rim[1], above=rim[0])[:, None] + column
    inside = bore + bevel(up, 0.0, high=thick, below=hole[1], above=hole[0])[::-1, None] + column
    rows = [
        wall(outside, up),
        face(outside[-1], inside[0], height=thick, step=step),
        wall(inside, up[::-1]),
        face(inside[-1], outside[0], height=0.0, step=step),
    ]
    return revolve(theta, rows, kind="ring")


def hole_retaining_ring(rng: np.random.Generator) -> Mesh:
    """Return an open spring ring for bores, with two inward ears with one hole each."""
    outer, thick = loose(rng, 16.0, tolerance=0.025), loose(rng, 1.5, tolerance=_SHEET)
    hole, gap = vary(rng, 1.05, 0.22)
    wide, thin, ear = vary(rng, 3.0, 1.9, 5.2)
    step = 0.25
    fine = np.linspace(gap, 2 * np.pi - gap, 4000)
    theta = _along(fine, outer - _breadth(fine, gap, wide=wide, thin=thin, ear=ear), step=step)
    plate = _open_ring(
        theta,
        outer,
        breadth=_breadth(theta, gap, wide=wide, thin=thin, ear=ear),
        thick=thick,
        step=step,
    )
    pin = outer - 0.52 * ear
    turn = gap + 0.145
    for side in (turn, -turn):
        center = np.array([pin * np.cos(side), pin * np.sin(side)])
        plate = _drilled(plate, center, radius=hole, thick=thick, step=step)
    return _stamped(rng, plate, outer=outer, rise=0.95)


def _along(theta: Array, radius: Array, *, step: float) -> Array:
    """Return angles from the first to the last of ``theta``, evenly spaced along the curve.

    Args:
        theta: Increasing angles in radians, with shape ``(N,)``.
        radius: Radius of the curve at these angles, in millimeters, with shape ``(N,)``.
        step: Distance along the curve, in millimeters.
    """
    pieces = np.hypot(np.diff(radius), np.diff(theta) * 16.0)
    length = np.concatenate([[0.0], np.cumsum(pieces)])
    places = np.linspace(0.0, length[-1], int(length[-1] / step) + 1)
    return np.interp(places, length, theta)


def _breadth(theta: Array, gap: float, *, wide: float, thin: float, ear: float) -> Array:
    """Return the ring's radial breadth: largest opposite the gap, with ears next to the gap."""
    away = np.minimum(theta, 2 * np.pi - theta) - gap
    body = thin + (wide - thin) * smoothstep(away, 0.4, high=2.6)
    lobe = ear * np.sqrt(np.clip(1 - np.clip((away - 0.2) / 0.17, 0, 1) ** 2, 0, 1))
    corner = 0.9 * (1 - np.sqrt(np.clip(1 - np.clip(1 - away / 0.06, 0, 1) ** 2, 0, 1)))
    return np.maximum(body, lobe) - np.where(away < 0.2, corner, 0.0)


def _open_ring(theta: Array, outer: float, *, breadth: Array, thick: float, step: float) -> Mesh:
    """Return a plate along an arc, closed at both ends."""
    across, down = max(8, int(3.2 / step)), int(thick / step) + 1
    # Nodes of a cross-section: its rim is swept along the arc, the whole section closes both ends.
    u, v = np.meshgrid(np.arange(across + 1) / across, np.arange(down + 1) / down, indexing="ij")
    rim = _rim(across, down)
    places = np.stack(
        np.broadcast_arrays(
            (outer - (1 - u[..., None]) * breadth) * np.cos(theta),
            (outer - (1 - u[..., None]) * breadth) * np.sin(theta),
            thick * v[..., None],
        ),
        axis=-1,
    ).reshape(-1, len(theta), 3)
    mesh = grid(places[rim], wrap_rows=True)
    for column in (0, len(theta) - 1):
        cap = grid(places[:, column].reshape(*u.shape, 3))
        if column == 0:
            cap = Mesh(cap.vertices, cap.faces[:, ::-1])
        mesh = join(mesh, np.arange(len(rim)) * len(theta) + column, second=cap, other=rim)
    return mesh


def _rim(rows: int, columns: int) -> Index:
    """Return the flat indices of the border of a grid of nodes, in circular order."""
    index = np.arange((rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    sides = [index[:-1, 0], index[-1, :-1], index[:0:-1, -1], index[0, :0:-1]]
    return np.concatenate(sides)


def _drilled(plate: Mesh, center: Array, *, radius: float, thick: float, step: float) -> Mesh:
    """Return the plate with a hole through it along z."""
    x, y = (plate.vertices[:, :2] - center).T
    opened, border = cut(plate, np.hypot(x, y) - radius)
    theta = angles(2 * np.pi * radius, step)
    height = levels(0.0, thick, step=step)[::-1]
    tube = grid(
        np.stack(
            np.broadcast_arrays(
                center[0] + radius * np.cos(theta),
                center[1] + radius * np.sin(theta),
                height[:, None],
            ),
            axis=-1,
        ),
        wrap_columns=True,
    )
    ends = np.concatenate([np.arange(len(theta)), len(tube.vertices) - 1 - np.arange(len(theta))])
    return join(opened, border, second=tube, other=ends)
