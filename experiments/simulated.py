"""Simulated scans of procedural parts on a turntable, with the true surface and motions.

The turntable rotates a part in front of a scanner at a fixed elevation.  A view holds the points
that are not occluded from the scanner; their density is proportional to the cosine between the
normal and the ray to the scanner.  Noise and outliers are added.  The steps of the table are known
only within a window, and the table's axis is tilted and shifted from the z axis.
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
"""Elevation of the scanner above the table, in radians."""
GRAZING = 0.12
"""Smallest cosine between the normal and the ray to the scanner at which a point is measured."""
OUTLIERS = 0.02
"""Share of points that are outliers, uniform in the view's bounding box enlarged by a fifth."""
WINDOW = np.deg2rad(30)
"""Largest difference of a step from the nominal step, in radians."""
TILT = np.deg2rad(3)
"""Largest angle between the table's axis and the z axis, in radians."""
SHIFT = 0.03
"""Largest shift of the axis from the origin, and of the part from the axis, in x and in y.

In diagonals of the part.
"""


@dataclass(frozen=True, eq=False)
class Simulated:
    """Simulated views of one part, with its true surface and motions.

    Args:
        mesh: True surface of the part, in the part's frame, in millimeters.
        diagonal: Diagonal of the part, in millimeters.
        views: Clouds in the scanner's frame, with labels.
        motions: Rigid motion of each view from the part's frame to the scanner's frame, with shape
            ``(V, 4, 4)``.
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
    """Return the simulated scan of a part on a turntable.

    Args:
        category: A procedural part.
        defect: Kind of the part's defect, or ``good``.
        rng: Generator of all random numbers.
        count: Number of views.
        points: Number of points of each view.
        window: Largest difference of a step from the nominal step, in radians.
        noise: Standard deviation of the coordinates, as a share of the diagonal.
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
    """Return Open3D's scene of the mesh, for ray casting and distances to the surface."""
    open3d = load_open3d()
    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
    return scene


def _angles(count: int, window: float, rng: np.random.Generator) -> Array:
    """Return the table's angles in radians, ``(V,)``; all steps are in the window.

    This includes the step from the last view back to the first.
    """
    step = 2 * np.pi / count
    while True:
        steps = step + rng.uniform(-window, window, count - 1)
        if abs(2 * np.pi - steps.sum() - step) <= window:
            return np.concatenate([[0.0], np.cumsum(steps)])


def _motions(angles: Array, mesh: Mesh, rng: np.random.Generator) -> Array:
    """Return the motions of a part that stands near the table's axis, with shape ``(V, 4, 4)``."""
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
    """Return visible positions, with shape ``(count, 3)``, and their labels, ``(count,)``.

    Args:
        mesh: The part.
        moved: Displacement of each vertex by the defect, in depths of the defect, ``(V,)``.
        scene: The mesh as Open3D's scene.
        eye: Unit vector from the part toward the scanner, in the part's frame, with shape ``(3,)``.
        count: Number of positions.
        rng: Generator of the positions.
    """
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
