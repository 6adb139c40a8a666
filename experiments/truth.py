"""What is known of a procedural cloud: the surface, and the points before noise and pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Cloud, Doubles
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.datasets.procedural.defects import deform
from gmanet.datasets.procedural.mesh import Mesh
from gmanet.datasets.procedural.surface import finish, pose, scatter
from gmanet.geometry.se3 import rigid

__all__ = ["Made", "made"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Made:
    """How a procedural cloud was made.

    Args:
        cloud: The cloud, with shape ``(N, 3)``.
        clean: The points before noise in the frame of the part, in the order of the cloud,
            ``(N, 3)``.
        mesh: The surface of the part in this frame.
    """

    cloud: Cloud
    clean: Doubles
    mesh: Mesh

    @property
    def motion(self) -> Doubles:
        """The motion from the cloud to the frame of the part, ``(4, 4)`` (least squares)."""
        pos = self.cloud.pos.astype(np.float64)
        center, middle = pos.mean(axis=0), self.clean.mean(axis=0)
        left, _, right = np.linalg.svd((self.clean - middle).T @ (pos - center))
        flip = np.diag([1.0, 1.0, np.linalg.det(left @ right)])
        turn = left @ flip @ right
        return rigid(turn, middle - turn @ center)


def made(data: Procedural, index: int) -> Made:
    """Return how the cloud of an index is made.

    Args:
        data: The data set.
        index: Number of a cloud.
    """
    cloud = data[index]
    kind = cloud.defect or "good"
    shape, flaw, scan, stance = data._rng(cloud.name).spawn(4)
    mesh = data.part.build(shape)
    diagonal = mesh.diagonal
    if kind != "good":
        share = data.part.ratio * flaw.uniform(0.5, data.profile.largest)
        displacement, _ = deform(mesh, mesh.crosses(), kind=kind, share=share, rng=flaw)
        mesh = mesh.moved(mesh.vertices + displacement)
    points = data.profile.points or (0, 0)
    count = int(scan.integers(points[0], points[1], endpoint=True))
    spots = scatter(mesh, count, rng=scan)
    placed = finish(data.part.finish, spots, diagonal=diagonal, rng=scan)
    place = pose(placed, diagonal, rng=stance)
    order = scan.permutation(count)
    assert np.array_equal(place[order].astype(np.float32), cloud.pos)
    return Made(cloud=cloud, clean=np.asarray(spots.place[order]), mesh=mesh)
