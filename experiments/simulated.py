"""Views of procedural parts on a turntable, and the truth about them.

A part is turned before an eye at one height.  It sees what no ray from it is stopped before,
as densely as it faces it; noise and outliers are added.  The steps are known to within a window
only, and the table's axis stands askew and beside the origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from gmanet.cloud import Cloud
from gmanet.datasets.procedural.defects import FLOOR, deform
from gmanet.datasets.procedural.mesh import Mesh
from gmanet.datasets.procedural.solids import CATEGORIES
from gmanet.datasets.procedural.surface import NOISE, scatter
from gmanet.geometry.open3d import load_open3d

Array = npt.NDArray[np.float64]

ELEVATION = np.deg2rad(35)
"""Of the eye above the table."""
GRAZING = 0.12
"""Least cosine between the surface's normal and the ray to the eye: flatter is not measured."""
OUTLIERS = 0.02
"""Share of points that lie anywhere in the box of the part, a fifth larger."""
WINDOW = np.deg2rad(30)
"""Steps differ from the nominal one by so much at most."""
TILT = np.deg2rad(3)
"""The table's axis differs from the z axis by so much at most."""
SHIFT = 0.03
"""And lies off the origin by so much, as a share of the diagonal."""


@dataclass(frozen=True, eq=False)
class Simulated:
    """Views of one part and the truth about them.

    Args:
        mesh: The part, in its own frame.
        diagonal: Of the part.
        views: Clouds in the scanner's frame, with labels.
        motions: Part to scanner of each view, with shape ``(V, 4, 4)``.
    """

    mesh: Mesh
    diagonal: float
    views: list[Cloud]
    motions: Array


def simulate(
    category: str,
    defect: str,
    rng: np.random.Generator,
    count: int = 8,
    points: int = 50_000,
    window: float = WINDOW,
    noise: float = NOISE,
) -> Simulated:
    """Return what a scanner sees of a part on a turntable.

    Args:
        category: A procedural part.
        defect: Its defect, or ``good``.
        rng: Draws everything.
        count: Of views.
        points: Of each view.
        window: Greatest difference of a step from the nominal one, in radians.
        noise: Standard deviation of coordinates, as a share of the diagonal.
    """
    part = CATEGORIES[category]
    mesh = part.build(rng)
    diagonal = mesh.diagonal
    moved = np.zeros(len(mesh.vertices))
    if defect != "good":
        shift, depth = deform(mesh, mesh.crosses(), kind=defect, share=part.ratio, rng=rng)
        moved = np.linalg.norm(shift, axis=1) / depth
        mesh = mesh.moved(mesh.vertices + shift)
    motions = _motions(_angles(count, window, rng), mesh, rng)
    scene = scene_of(mesh)
    eye = np.array([np.cos(ELEVATION), 0, np.sin(ELEVATION)])
    views = []
    for index, motion in enumerate(motions):
        place, label = _seen(mesh, moved, scene, motion[:3, :3].T @ eye, points, rng)
        place = place + rng.normal(0, noise * diagonal, place.shape)
        wild = rng.random(points) < OUTLIERS
        low, size = place.min(axis=0), np.ptp(place, axis=0)
        place[wild] = low + size * rng.uniform(-0.1, 1.1, (int(wild.sum()), 3))
        place = place @ motion[:3, :3].T + motion[:3, 3]
        views.append(Cloud(place.astype(np.float32), label & ~wild, name=f"{index:03d}"))
    return Simulated(mesh, diagonal, views=views, motions=motions)


def scene_of(mesh: Mesh) -> Any:
    """Return the mesh as Open3D's rays see it."""
    open3d = load_open3d()
    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
    return scene


def _angles(count: int, window: float, rng: np.random.Generator) -> Array:
    """Return the table's angles; all steps are in the window, the last one to the first too."""
    step = 2 * np.pi / count
    while True:
        steps = step + rng.uniform(-window, window, count - 1)
        if abs(2 * np.pi - steps.sum() - step) <= window:
            return np.concatenate([[0.0], np.cumsum(steps)])


def _motions(angles: Array, mesh: Mesh, rng: np.random.Generator) -> Array:
    """Return the motions of a part that stands roughly on the axis, with shape ``(V, 4, 4)``."""
    middle = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    aside = mesh.diagonal * SHIFT * rng.uniform(-1, 1, (2, 3)) * [1, 1, 0]
    tilt = Rotation.from_rotvec(
        TILT * np.sqrt(rng.random()) * np.append(_unit(rng.normal(size=2)), 0)
    ).as_matrix()
    stance = Rotation.from_euler("z", rng.uniform(0, 2 * np.pi)).as_matrix()
    motions = np.tile(np.eye(4), (len(angles), 1, 1))
    for motion, angle in zip(motions, angles, strict=True):
        turn = tilt @ Rotation.from_euler("z", angle).as_matrix()
        motion[:3, :3] = turn @ stance
        motion[:3, 3] = turn @ (aside[0] - stance @ middle) + aside[1]
    return motions


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))


def _seen(
    mesh: Mesh, moved: Array, scene: Any, eye: Array, count: int, rng: np.random.Generator
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return places that the eye sees, and whether they are defective."""
    places, labels, found = [], [], 0
    while found < count:
        spots = scatter(mesh, 6 * count, rng=rng)
        cosine = spots.normal @ eye
        kept = np.flatnonzero((cosine > GRAZING) & (cosine > rng.random(len(cosine))))
        start = spots.place[kept] + 1e-4 * mesh.diagonal * spots.normal[kept]
        rays = np.hstack([start, np.broadcast_to(eye, start.shape)]).astype(np.float32)
        kept = kept[~scene.test_occlusions(rays).numpy()]
        places.append(spots.place[kept])
        amount = np.einsum("nk,nk->n", spots.weight[kept], moved[spots.corner[kept]])
        labels.append(amount > FLOOR)
        found += len(kept)
    chosen = rng.permutation(found)[:count]
    return np.concatenate(places)[chosen], np.concatenate(labels)[chosen]
