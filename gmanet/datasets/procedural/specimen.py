"""One specimen of a part: built with manufacturing errors, deformed by a defect, and scanned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Cloud, Doubles
from gmanet.datasets.procedural.defects import FLOOR, deform
from gmanet.datasets.procedural.mesh import Mesh
from gmanet.datasets.procedural.solids import Part
from gmanet.datasets.procedural.surface import finish, pose, scatter

__all__ = ["Specimen", "make"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Specimen:
    """A scan of a part, and the surface that was scanned.

    Args:
        cloud: The scan.
        clean: The points of the scan before noise, in the frame of the part, with shape
            ``(N, 3)``.
        good: The surface of the part without the defect, in this frame.
        mesh: The surface that was scanned, in this frame.
    """

    cloud: Cloud
    clean: Doubles
    good: Mesh
    mesh: Mesh


def make(
    part: Part,
    defect: str,
    *,
    points: tuple[int, int],
    rng: np.random.Generator,
    largest: float = 1.6,
    poses: str = "any",
) -> Specimen:
    """Return one specimen of a part.

    Args:
        part: The part.
        defect: One of ``DEFECTS``, or ``good``.
        points: Smallest and largest number of points.
        rng: Generator of all random numbers.
        largest: Factor of the largest defects, as in ``dataset.Profile``.
        poses: One of ``POSES`` of the surface.
    """
    shape, flaw, scan, stance = rng.spawn(4)
    good = mesh = part.build(shape)
    diagonal = mesh.diagonal
    length = None
    if defect != "good":
        share = part.ratio * flaw.uniform(0.5, largest)
        displacement, depth = deform(mesh, mesh.crosses(), kind=defect, share=share, rng=flaw)
        length = np.linalg.norm(displacement, axis=1) / depth
        mesh = mesh.moved(mesh.vertices + displacement)
    count = int(scan.integers(points[0], points[1], endpoint=True))
    spots = scatter(mesh, count, rng=scan)
    placed = finish(part.finish, spots, diagonal=diagonal, rng=scan)
    place = pose(placed, diagonal, rng=stance, kind=poses)
    label = np.zeros(count, dtype=bool)
    if length is not None:
        label = np.einsum("nk,nk->n", spots.weight, length[spots.corner]) > FLOOR
    order = scan.permutation(count)
    cloud = Cloud(place[order].astype(np.float32), label[order], defect=defect)
    return Specimen(cloud=cloud, clean=spots.place[order], good=good, mesh=mesh)
