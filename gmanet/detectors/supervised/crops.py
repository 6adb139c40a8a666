"""Training items of supervised detectors: moved, cropped clouds with their labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch.utils.data import Dataset
from torch_geometric.data import Data

from gmanet.cloud import Floats, Indices, Labels
from gmanet.detectors.supervised.surface import (
    Structure,
    Surface,
    voxel_keys,
    voxels_of,
    with_inputs,
)

__all__ = ["LabeledCrops", "draw_motion", "one_of_each"]

SCALES = (0.9, 1.1)
"""Smallest and largest scale."""
TILT = 0.05
"""Standard deviation of the tilt about every axis, in radians."""
JITTER = 0.05
"""Standard deviation of a random shift of every coordinate, in voxels."""


def draw_motion(rng: np.random.Generator) -> Floats:
    """Return a random motion of upright points times a scale, with shape ``(3, 3)``.

    It turns them by any angle about the upright axis, upside down in half of the cases, tilts them
    a little, and mirrors them in half of the cases.

    Args:
        rng: Generator.
    """
    motion = Rotation.from_rotvec([0, 0, rng.uniform(0, 2 * np.pi)]).as_matrix()
    motion = np.diag([1, 1, 1] if rng.random() < 0.5 else [1, -1, -1]) @ motion
    motion = Rotation.from_rotvec(rng.normal(0, TILT, 3)).as_matrix() @ motion
    if rng.random() < 0.5:
        motion[:, 0] *= -1
    return np.asarray(motion * rng.uniform(*SCALES), dtype=np.float32)


def one_of_each(coord: Indices, rng: np.random.Generator) -> Indices:
    """Return the row of a random point of every voxel.

    Args:
        coord: Coordinates of each point's voxel, with shape ``(N, 3)``.
        rng: Generator.
    """
    order = rng.permutation(len(coord))
    return np.asarray(order[np.unique(voxel_keys(coord)[order], return_index=True)[1]])


class LabeledCrops(Dataset[Data]):
    """Data set of crops of labeled clouds, drawn anew in every epoch.

    ``crops[epoch, index]`` is drawn from cloud ``index`` with the generator ``[seed, epoch,
    index]``: a random motion, one point of every voxel, and of these the ones around a random one,
    or around a random one of the ``crop`` nearest to an abnormal one.  Most of these crops hold the
    abnormal point, anywhere; if it were the middle, networks would learn the place in the crop
    instead of the shape.

    Args:
        surfaces: The clouds.
        labels: Labels of the points in the order of the surface, true where abnormal.
        grid: Edge of a voxel, in diameters.
        normals: Whether normals are among the features.
        crop: Largest number of points.
        abnormal_crops: Share of the crops near an abnormal point.
        structure: What the network reads beside the features.
        seed: Seed of all random draws.
    """

    def __init__(
        self,
        surfaces: Sequence[Surface],
        labels: Sequence[Labels],
        *,
        grid: float,
        normals: bool,
        crop: int,
        abnormal_crops: float = 0.0,
        structure: Structure,
        seed: int,
    ) -> None:
        self.surfaces, self.labels = surfaces, labels
        self.grid, self.normals, self.crop = grid, normals, crop
        self.abnormal_crops = abnormal_crops
        self.structure, self.seed = structure, seed

    def __len__(self) -> int:
        return len(self.surfaces)

    def __getitem__(self, key: tuple[int, int]) -> Data:
        epoch, index = key
        rng = np.random.default_rng([self.seed, epoch, index])
        surface = self.surfaces[index].moved(draw_motion(rng))
        noise = rng.normal(0, JITTER * self.grid, surface.pos.shape).astype(np.float32)
        surface = Surface(pos=surface.pos + noise, normal=surface.normal, order=surface.order)
        rows = one_of_each(voxels_of(surface.pos, self.grid), rng)
        if len(rows) > self.crop:
            rows = self._around(self._middle(index, rows, surface, rng), rows, surface)
        data = with_inputs(
            surface, rows, grid=self.grid, normals=self.normals, structure=self.structure
        )
        data.y = torch.from_numpy(self.labels[index][rows].astype(np.int64))
        return data

    def _middle(
        self, index: int, rows: Indices, surface: Surface, rng: np.random.Generator
    ) -> np.int64:
        """Return the row of a cloud that its crop is around."""
        abnormal = rows[self.labels[index][rows]]
        if len(abnormal) and rng.random() < self.abnormal_crops:
            rows = self._around(rng.choice(abnormal), rows, surface)
        return np.int64(rng.choice(rows))

    def _around(self, middle: np.int64, rows: Indices, surface: Surface) -> Indices:
        """Return the rows of a cloud's ``crop`` points nearest to one of them."""
        offset = surface.pos[rows] - surface.pos[middle]
        distance = np.einsum("nc,nc->n", offset, offset)
        return np.asarray(rows[np.argpartition(distance, self.crop)[: self.crop]])
