"""Whole clouds at unit size, to score, and their rotated copies, to train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch.utils.data import Dataset
from torch_geometric.data import Data

from gmanet.cloud import Cloud, Floats
from gmanet.detectors.r3dad.patch_gen import patch_gen
from gmanet.geometry.neighbors import farthest_points
from gmanet.registration.canonical import Canonicalizer

__all__ = ["RotatedCopies", "Rotations", "WholeReader"]

ALIKE = 1.1
"""Ratio of the spreads along two principal axes below which the axes cannot be distinguished."""

SKEWED = 0.1
"""Third moment along an axis, over the spread cubed, above which the sign of the axis is known; it
is 0 for symmetric parts."""


@dataclass(frozen=True)
class WholeReader:
    """A function from a cloud to coordinates about its centroid with a standard deviation of 1.

    Args:
        points: Number of points for the encoder, chosen by farthest point sampling, so that the
            order of points in the file does not matter.
        pose: Rigid motion of a cloud into its pose.
    """

    points: int
    pose: Canonicalizer

    def position(self, cloud: Cloud) -> Floats:
        """Return the coordinates of all points, with shape ``(N, 3)``."""
        pos = self.pose(cloud.pos)
        pos = pos - pos.mean(axis=0, dtype=np.float64).astype(np.float32)
        size = max(float(np.square(pos, dtype=np.float64).mean()) ** 0.5, 1e-12)
        return np.asarray(pos / np.float32(size))

    def __call__(self, cloud: Cloud) -> Data:
        """Return the record to score: ``position (N, 3)`` and a sample ``shape (1, points, 3)``."""
        position = self.position(cloud)
        chosen = np.resize(farthest_points(position, self.points), self.points)
        return Data(
            position=torch.from_numpy(position),
            shape=torch.from_numpy(position[chosen][None]),
            num_nodes=len(cloud),
        )


class Rotations:
    """The rotations that a pose leaves open for a part.

    Args:
        clouds: Normal clouds in their pose.
        pose: ``given`` leaves all rotations open, ``registered`` none, ``principal`` those about
            the axis of a round part, and by 180 degrees where third moments are small.
    """

    def __init__(self, clouds: Sequence[Floats], pose: str) -> None:
        spread = np.mean([np.square(position).mean(axis=0) ** 0.5 for position in clouds], axis=0)
        skew = np.min([abs((position**3).mean(axis=0)) for position in clouds], axis=0)
        alike = spread[:2] < ALIKE * spread[1:]
        self.nothing = pose == "registered"
        self.everything = pose == "given" or bool(alike.all())
        self.axis = np.array([alike[1], 0.0, alike[0]])
        self.signed = skew > SKEWED * spread**3

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return a random rotation, with shape ``(3, 3)``."""
        if self.nothing:
            return np.eye(3, dtype=np.float32)
        if self.everything:
            return Rotation.random(random_state=rng).as_matrix().astype(np.float32)
        sign = np.where(self.signed, 1.0, rng.choice([-1.0, 1.0], 3))
        flip = np.diag([sign[0], sign[1], sign[0] * sign[1]])
        spin = Rotation.from_rotvec(rng.uniform(0, 2 * np.pi) * self.axis).as_matrix()
        return np.asarray(spin @ flip, dtype=np.float32)


class RotatedCopies(Dataset[Data]):
    """Data set of rotated copies of normal clouds, each with its Patch-Gen twin.

    ``copies[epoch, index]`` is drawn from cloud ``index % len(clouds)`` with the generator
    ``[seed, epoch, index]``.

    Args:
        clouds: Normal clouds in their pose.
        pose: Pose of the clouds, which decides the rotations (:class:`Rotations`).
        points: Number of points in a copy.
        length: Number of copies.
        abnormal: Share of the copies whose twin differs from the copy.
        seed: Seed of all random draws.
    """

    def __init__(
        self,
        clouds: Sequence[Floats],
        pose: str,
        *,
        points: int,
        length: int,
        abnormal: float,
        seed: int,
    ) -> None:
        self.clouds, self.points, self.rotations = clouds, points, Rotations(clouds, pose)
        self.length, self.abnormal, self.seed = length, abnormal, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, key: tuple[int, int]) -> Data:
        epoch, index = key
        rng = np.random.default_rng([self.seed, epoch, index])
        position = self.clouds[index % len(self.clouds)]
        chosen = rng.choice(len(position), self.points, replace=len(position) < self.points)
        normal = position[chosen] @ self.rotations.draw(rng).T
        twin, label = normal, np.zeros(self.points, dtype=bool)
        if rng.random() < self.abnormal:
            twin, label = patch_gen(normal, rng)
        parts = {"normal": normal, "twin": twin, "abnormal": label}
        made = {name: torch.from_numpy(part[None]) for name, part in parts.items()}
        return Data(**made, num_nodes=self.points)
