"""Studs: double end stud and jointing stud."""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Mesh
from gmanet.datasets.procedural.shapes import (
    angles,
    bevel,
    face,
    levels,
    revolve,
    vary,
    wall,
)
from gmanet.datasets.procedural.threads import rod, tip

__all__ = ["double_end_stud", "jointing_stud"]


def double_end_stud(rng: np.random.Generator) -> Mesh:
    """Return a stud, M10, threaded at both ends, with a plain middle."""
    long, radius, pitch = vary(rng, 56.0, 5.0, 1.5)
    lower, upper = vary(rng, 22.0, 15.0)
    step = 0.30
    theta = angles(2 * np.pi * radius, step)
    one, z = rod(rng, theta, ends=(0.0, long), cut=(0.0, lower), size=(radius, pitch))
    two = rod(rng, theta, ends=(0.0, long), cut=(long - upper, long), size=(radius, pitch))[0]
    shaft = np.minimum(one, two)
    shaft = tip(tip(shaft, z, end=0.0, flat=radius - 1.2), z, end=long, flat=radius - 1.2)
    rows = [
        face(0.0, shaft[0], height=0.0, step=step),
        wall(shaft, z),
        face(shaft[-1], 0.0, height=long, step=step),
    ]
    return revolve(theta, rows, kind="solid")


def jointing_stud(rng: np.random.Generator) -> Mesh:
    """Return a threaded weld stud, M8, with a flange at the foot and an ignition tip below."""
    long, radius, pitch = vary(rng, 34.0, 4.0, 1.25)
    flange, thick, point = vary(rng, 5.6, 1.5, 0.9)
    step = 0.22
    theta = angles(2 * np.pi * flange, step)
    nib = levels(-1.0, 0.0, step=step)
    foot = levels(0.0, thick, step=step / 1.5)
    disk = flange - bevel(foot, 0.0, high=thick, below=0.2, above=0.2)[:, None] + 0 * theta
    shaft, z = rod(rng, theta, ends=(thick, long), cut=(thick + 2.0, long), size=(radius, pitch))
    shaft = tip(shaft, z, end=long, flat=radius - 1.0)
    pin = (point - 0.2 * (nib < -0.9) + 0 * nib)[:, None] + 0 * theta
    rows = [
        face(0.0, pin[0], height=-1.0, step=step),
        wall(pin, nib),
        face(pin[-1], disk[0], height=0.0, step=step),
        wall(disk, foot),
        face(disk[-1], shaft[0], height=thick, step=step),
        wall(shaft, z),
        face(shaft[-1], 0.0, height=long, step=step),
    ]
    return revolve(theta, rows, kind="solid")
