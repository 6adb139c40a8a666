"""Clouds as supervised networks read them: at unit size, one point of every voxel at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch_geometric.data import Data

from gmanet.cloud import Cloud, Floats, Indices, diameter
from gmanet.geometry.consistent_normals import consistent_normals
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.search.grid import grid_nearest
from gmanet.registration.canonical import upright_pose

__all__ = ["FragmentReader", "Structure", "Surface", "fragments", "voxels_of", "with_inputs"]

Structure = Callable[[Tensor, Tensor], Data]
"""Function from coordinates in diameters, float32, and in voxels, int64, ``(N, 3)`` each, to what a
network reads beside its input features."""

AROUND = 16
"""Number of points to which a normal is fitted."""
LINKED = 8
"""Number of these between which signs of normals spread."""


@dataclass(frozen=True, kw_only=True)
class Surface:
    """Points of a cloud about its centroid, in diameters, upright (``registration.canonical``).

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        normal: Unit normals of consistent signs, outward, with shape ``(N, 3)``.
        order: Row of each point in the cloud, with shape ``(N,)``.
    """

    pos: Floats
    normal: Floats
    order: Indices

    @classmethod
    def of(cls, cloud: Cloud) -> Surface:
        """Return the surface of a cloud.

        Points are sorted by their coordinates, so that neither sums nor draws depend on the order
        in the file.  They are upright, so that networks need not learn every pose.

        Args:
            cloud: The cloud.
        """
        order = np.lexsort(cloud.pos.T)
        pos = cloud.pos[order]
        centered = pos - pos.mean(axis=0, dtype=np.float64)
        pos = upright_pose((centered / diameter(pos)).astype(np.float32))
        near = grid_nearest(pos, pos, count=AROUND)[1]
        normal = principal_axes(pos, pos, neighbors=near)[1][:, :, 0]
        normal = consistent_normals(pos, normal, neighbors=near[:, :LINKED])
        return cls(pos=pos, normal=normal, order=order)

    def moved(self, motion: Floats) -> Surface:
        """Return the surface after a linear motion of its points.

        Args:
            motion: Rotation or reflection times a scale, with shape ``(3, 3)``.
        """
        scale = abs(np.linalg.det(motion)) ** (1 / 3)
        pos, normal = self.pos @ motion.T, self.normal @ (motion.T / scale)
        return Surface(
            pos=pos.astype(np.float32), normal=normal.astype(np.float32), order=self.order
        )


def voxels_of(pos: Floats, grid: float) -> Indices:
    """Return the coordinates of each point's voxel, from 0, with shape ``(N, 3)``.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
        grid: Edge of a voxel.
    """
    coord = np.floor(pos / np.float32(grid)).astype(np.int64)
    return np.asarray(coord - coord.min(axis=0))


def voxel_keys(coord: Indices) -> Indices:
    """Return a number for each voxel, the same for the same voxel, with shape ``(N,)``."""
    size = coord.max(axis=0) + 1
    return np.asarray((coord[:, 0] * size[1] + coord[:, 1]) * size[2] + coord[:, 2])


def fragments(coord: Indices) -> list[Indices]:
    """Return rows of one point of every voxel, so often that each point is in one of the lists.

    Voxels deal their points out in turn; those with fewer points begin again.

    Args:
        coord: Coordinates of each point's voxel, with shape ``(N, 3)``.
    """
    _, voxel, count = np.unique(voxel_keys(coord), return_inverse=True, return_counts=True)
    order = np.argsort(voxel, kind="stable")
    start = np.cumsum(count) - count
    return [order[start + number % count] for number in range(int(count.max()))]


def with_inputs(
    surface: Surface, rows: Indices, *, grid: float, normals: bool, structure: Structure
) -> Data:
    """Return what a network reads of some points, with their input features ``x (M, 3 or 6)``.

    Args:
        surface: The surface.
        rows: The points, at most one of a voxel, with shape ``(M,)``.
        grid: Edge of a voxel.
        normals: Whether normals are among the features.
        structure: What the network reads beside the features.
    """
    pos = torch.from_numpy(np.ascontiguousarray(surface.pos[rows]))
    data = structure(pos, torch.from_numpy(voxels_of(surface.pos[rows], grid)))
    data.x = torch.cat([pos, torch.from_numpy(surface.normal[rows])], dim=1) if normals else pos
    data.num_nodes = len(rows)
    return data


@dataclass(frozen=True, kw_only=True)
class FragmentReader:
    """A function from a cloud to fragments of it, in some rotations.

    Args:
        grid: Edge of a voxel, in diameters.
        normals: Whether normals are among the features.
        votes: Number of rotations about the upright axis; the first leaves the cloud as it is.
        structure: What the network reads beside the features.
    """

    grid: float
    normals: bool
    votes: int
    structure: Structure

    def __call__(self, cloud: Cloud) -> Data:
        """Return the record: ``fragments``, each with the rows of its points, ``rows (M,)``."""
        surface = Surface.of(cloud)
        found: list[Data] = []
        for number in range(self.votes):
            turned = surface
            if number > 0:
                about = Rotation.from_rotvec([0, 0, 2 * np.pi * number / self.votes]).as_matrix()
                turned = surface.moved(about.astype(np.float32))
            for rows in fragments(voxels_of(turned.pos, self.grid)):
                data = with_inputs(
                    turned,
                    rows,
                    grid=self.grid,
                    normals=self.normals,
                    structure=self.structure,
                )
                data.rows = torch.from_numpy(surface.order[rows])
                found.append(data)
        return Data(fragments=found, num_nodes=len(cloud))
