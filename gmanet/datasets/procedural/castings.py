"""Parts with a rough skin, as sand casting leaves it: a bearing flange and a wheel."""

from __future__ import annotations

import numpy as np

from gmanet.datasets.procedural.mesh import Mesh
from gmanet.datasets.procedural.relief import roughened
from gmanet.datasets.procedural.shapes import angles, bevel, face, levels, revolve, vary, wall

__all__ = ["rough_casting", "rough_wheel"]


def rough_casting(rng: np.random.Generator) -> Mesh:
    """Return a cast bearing flange: a foot with three lobes, one of them longer, and a boss."""
    foot, lobe, boss, bore = vary(rng, 15.0, 3.0, 9.5, 5.0)
    thick, high = vary(rng, 5.0, 17.0)
    step = 0.28
    theta = angles(2 * np.pi * (foot + lobe), step)
    outline = foot + lobe * np.cos(3 * theta) + 0.5 * lobe * np.exp(np.cos(theta) * 4 - 4)
    low, up = levels(0.0, thick, step=step), levels(thick, high, step=step)
    edge = outline - bevel(low, 0.0, high=thick, below=0.5, above=1.0)[:, None]
    mantle = (
        boss
        - bevel(up, thick, high=high, below=0.0, above=0.8)[:, None]
        - 0.06 * (up - thick)[:, None]
    )
    mantle = mantle + 0 * theta
    hole = (
        bore
        + bevel(levels(0.0, high, step=step), 0.0, high=high, below=0.5, above=0.5)[:, None]
        + 0 * theta
    )
    rows = [
        wall(edge, low),
        face(edge[-1], mantle[0], height=thick, step=step),
        wall(mantle, up),
        face(mantle[-1], hole[-1], height=high, step=step),
        wall(hole[::-1], levels(0.0, high, step=step)[::-1]),
        face(hole[0], edge[0], height=0.0, step=step),
    ]
    return roughened(revolve(theta, rows, kind="ring"), rng)


def rough_wheel(rng: np.random.Generator) -> Mesh:
    """Return a cast hand wheel: a scalloped rim, a thin web and a hub that is longer above."""
    outer, inner, hub, bore = vary(rng, 19.0, 15.0, 6.5, 3.2)
    rim, web, long = vary(rng, 8.0, 2.6, 13.0)
    step = 0.32
    theta = angles(2 * np.pi * outer, step)
    scallop = outer + 0.7 * np.cos(7 * theta) + 1.2 * np.exp(np.cos(theta) * 9 - 9)
    low, high = (rim - web) / 2, (rim + web) / 2
    ring = 0 * theta
    side = levels(0.0, rim, step=step)
    below, above = levels(0.0, low, step=step), levels(high, rim, step=step)
    short, tall = levels(1.0, low, step=step), levels(high, long, step=step)
    rounded = scallop - bevel(side, 0.0, high=rim, below=1.2, above=1.2)[:, None]
    tube = levels(1.0, long, step=step)[::-1]
    rows = [
        wall(hub + 0 * short[:, None] + ring, short),
        face(hub + ring, inner + ring, height=low, step=step),
        wall(inner + 0 * below[:, None] + ring, below[::-1]),
        face(inner + ring, rounded[0], height=0.0, step=step),
        wall(rounded, side),
        face(rounded[-1], inner + ring, height=rim, step=step),
        wall(inner + 0 * above[:, None] + ring, above[::-1]),
        face(inner + ring, hub + ring, height=high, step=step),
        wall(hub + 0 * tall[:, None] + ring, tall),
        face(hub + ring, bore + ring, height=long, step=step),
        wall(bore + 0 * tube[:, None] + ring, tube),
        face(bore + ring, hub + ring, height=1.0, step=step),
    ]
    return roughened(revolve(theta, rows, kind="ring"), rng)
