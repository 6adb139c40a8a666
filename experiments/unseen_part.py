"""Data of a part on which nothing was tuned: ``python experiments/unseen_part.py FOLDER``.

The part is a bracket: two plates at a right angle, a strut across the corner that leaves a window,
and three bores.  None of the fifteen procedural parts has plates, a strut or more than one bore.
Defects, machining marks and noise are those of the procedural data set; the folder has the layout
of IEC3D-AD, for ``data=iec3d data.root=FOLDER data.category=StrutBracket``.  The same ``--seed``
gives the same clouds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from gmanet.datasets.procedural import CATEGORIES, PROFILES, Part, write
from gmanet.datasets.procedural.mesh import Array, Field, Mesh, clip, cut, fuse, grid, join
from gmanet.datasets.procedural.shapes import box, vary
from gmanet.errors import command

STEP = 0.3
"""Longest edge of a triangle, in millimeters."""

ROUNDING = 0.5
"""Radius of the edges, in millimeters."""


def strut_bracket(rng: np.random.Generator) -> Mesh:
    """Return the bracket, 36 mm long, with its foot on the plane z = 0."""
    long, wide, high, thick = vary(rng, 36.0, 22.0, 28.0, 4.0)
    strut, breadth, window = vary(rng, 3.0, 4.0, 9.0)
    bore, eye, place = vary(rng, 2.6, 4.0, 10.0)
    back = 1.0 - long / 2
    reach = window / 2**0.5 + thick / 2
    foot = _plate(np.array([long, wide, thick]), np.array([0.0, 0.0, thick / 2]), 0.0)
    wall = _plate(
        np.array([thick, wide - 2.0, high - 1.0]),
        np.array([back + thick / 2, 0.0, (high + 1.0) / 2]),
        0.0,
    )
    corner = np.array([back + thick, 0.0, thick])
    middle = corner + window / 2 * np.array([1.0, 0.0, 1.0])
    across = _plate(np.array([2 * reach, strut, breadth]), middle, np.pi / 4)
    mesh, solid = foot
    for other, inside in (wall, across):
        mesh = fuse(mesh, solid, second=other, inside_second=inside)
        solid = _union(solid, inside)
    for side in (1.0, -1.0):
        center = np.array([place, side * 6.0, thick / 2])
        mesh, solid = _bored(mesh, solid, center, 2, bore)
    center = np.array([back + thick / 2, 0.0, high - 7.0])
    return _bored(mesh, solid, center, 0, eye)[0]


def _plate(size: Array, center: Array, tilt: float) -> tuple[Mesh, Field]:
    """Return a box, rotated about y, and its signed distance function.

    Args:
        size: Edges in millimeters, with shape ``(3,)``.
        center: Position of the middle, with shape ``(3,)``.
        tilt: Angle of the rotation, in radians.
    """
    c, s = np.cos(tilt), np.sin(tilt)
    turn = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    mesh = box(size / 2, ROUNDING, step=STEP)

    def inside(places: Array) -> Array:
        over = np.abs((places - center) @ turn) - (size / 2 - ROUNDING)
        beyond = np.linalg.norm(np.maximum(over, 0.0), axis=1)
        return np.asarray(beyond + np.minimum(over.max(axis=1), 0.0) - ROUNDING)

    return mesh.moved(mesh.vertices @ turn.T + center), inside


def _union(one: Field, other: Field) -> Field:
    return lambda places: np.minimum(one(places), other(places))


def _bored(mesh: Mesh, solid: Field, center: Array, axis: int, radius: float) -> tuple[Mesh, Field]:
    """Return a solid with a through bore along an axis, and its signed distance function.

    Args:
        mesh: Surface of the solid.
        solid: Signed distance function of the solid.
        center: A position on the bore's axis, with shape ``(3,)``.
        axis: Direction of the bore: 0, 1 or 2 for x, y or z.
        radius: Radius of the bore, in millimeters.
    """
    first, second = (axis + 1) % 3, (axis + 2) % 3
    theta = np.linspace(0, 2 * np.pi, max(24, round(2 * np.pi * radius / STEP)), endpoint=False)
    along = np.arange(12.0, -12.0, -STEP)  # falling heights, so that the wall faces the axis
    places = np.zeros((len(along), len(theta), 3)) + center
    places[..., first] += radius * np.cos(theta)
    places[..., second] += radius * np.sin(theta)
    places[..., axis] += along[:, None]
    wall = grid(places, wrap_columns=True)

    def bore(where: Array) -> Array:
        offset = where - center
        return np.asarray(np.hypot(offset[:, first], offset[:, second]) - radius)

    inner = cut(wall, -solid(wall.vertices))
    drilled = join(*clip(mesh, bore), *inner)
    return drilled, lambda where: np.maximum(solid(where), -bore(where))


PART = Part(build=strut_bracket, ratio=0.0125, finish="grinding")


def main() -> None:
    """Read the arguments and write the part's folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--profile", default="small", choices=sorted(PROFILES))
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args()
    CATEGORIES["strut_bracket"] = PART
    print(write(said.folder, "strut_bracket", profile=said.profile, seed=said.seed))


if __name__ == "__main__":
    command(main)
