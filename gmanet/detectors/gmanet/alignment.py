"""The registered normal clouds of a category, stored with the weights of a detector.

The alignment is graded, not dropped, where normal parts differ or overlap in part: distances are
compared with the distances between normal clouds at the same position
(``detectors.gmanet.deviation``).  Normal clouds that could not be registered are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.bank import ResizableBuffers
from gmanet.detectors.gmanet.aligner import Aligner
from gmanet.detectors.gmanet.deviation import CHANNELS, Surfaces, usual_distances
from gmanet.detectors.reference import Reference
from gmanet.registration.cached import register_cached
from gmanet.registration.icp import Registration
from gmanet.registration.target import Target, subsample
from gmanet.runtime.rank import rank

__all__ = ["Atlas"]

CLOUDS = 16
"""Largest number of normal clouds whose surfaces are stored: a bound on memory."""

POINTS = 16384
"""Points in the stored subsample of each normal cloud."""

LEAST_OVERLAP = 0.7
"""Least overlap of a normal cloud with the reference, in medians of all normal clouds' overlaps:
the registration of a cloud with less has failed."""

LARGEST_RMSE = 3.0
"""Largest distance of a normal cloud to the reference, in medians over all normal clouds."""


class Atlas(ResizableBuffers):
    """Surfaces of the normal clouds in one pose; no buffer has gradients."""

    resizable = ("points", "normal", "owner", "usual", "prints")

    points: Tensor
    normal: Tensor
    owner: Tensor
    usual: Tensor
    prints: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.reference = Reference()
        self.register_buffer("points", torch.empty(0, 3))
        self.register_buffer("normal", torch.empty(0, 3))
        self.register_buffer("owner", torch.empty(0, dtype=torch.int64))
        self.register_buffer("usual", torch.empty(0, CHANNELS))
        self.register_buffer("prints", torch.empty(0, 16, dtype=torch.uint8))
        self.failed: list[str] = []
        self._names: list[str] = []
        self._registrations: dict[str, Registration] = {}
        self._cached: tuple[Tensor, Surfaces] | None = None

    def prepare(self, clouds: CloudDataset, *, progress: bool = True) -> None:
        """Register and store the normal clouds; if they are stored already, only register them.

        Args:
            clouds: Normal clouds of one category; the same ones if they are stored already.
            progress: Whether to show a bar.
        """
        if not self.reference.fitted:
            self.fit(clouds, progress=progress)
        elif len(self.points):
            self._register_again(clouds, progress)

    def _register_again(self, clouds: CloudDataset, progress: bool) -> None:
        """Register the stored normal clouds on the stored reference, as :meth:`fit` did."""
        order = sorted(range(len(clouds)), key=lambda index: clouds.names[index])
        self._names = [clouds.names[index] for index in order[: int(self.owner.max()) + 1]]
        target = self.reference.target
        quiet = not progress or rank() > 0
        bar = tqdm(order, "aligning normal clouds", disable=quiet, unit="cloud")
        self._registrations = {clouds.names[i]: register_cached(clouds[i].pos, target) for i in bar}

    def fit(self, clouds: CloudDataset, *, progress: bool = True) -> None:
        """Register normal clouds on the first by name and store those that were registered.

        Args:
            clouds: Normal clouds of one category.
            progress: Whether to show a bar.
        """
        order = sorted(range(len(clouds)), key=lambda index: clouds.names[index])
        self._names = [clouds.names[index] for index in order[:CLOUDS]]
        self._registrations = {}
        self.reference.fit(clouds[order[0]].pos)
        target = self.reference.target
        bar = tqdm(
            order, "aligning normal clouds", disable=not progress or rank() > 0, unit="cloud"
        )
        aligned, prints = [], []
        for number, index in enumerate(bar):
            cloud = clouds[index]
            found = self._registrations[clouds.names[index]] = register_cached(cloud.pos, target)
            if number < CLOUDS:
                aligned.append(_aligned(cloud.pos, found, target=target))
                prints.append(bytes.fromhex(cloud.fingerprint))
        failed = self._failed()
        empty = np.zeros((0, 3), dtype=np.float32)
        self.failed = [name for name in self._registrations if name in failed]
        stored = [
            (empty, empty) if name in failed else part
            for name, part in zip(self._names, aligned, strict=True)
        ]
        if sum(len(points) > 0 for points, _ in stored) < 2:  # nothing to compare a cloud with
            self._registrations, stored, prints = {}, [], []
        self._store(stored)
        rows = np.frombuffer(b"".join(prints), dtype=np.uint8).reshape(-1, 16)
        self.prints = torch.from_numpy(rows.copy())

    def _failed(self) -> set[str]:
        """Return the names of the normal clouds whose registration failed."""
        names = list(self._registrations)
        overlap = np.array([self._registrations[name].overlap for name in names])
        rmse = np.array([self._registrations[name].inlier_rmse for name in names])
        usual = np.median(rmse[1:]) if len(rmse) > 1 else np.inf
        wrong = (overlap < LEAST_OVERLAP * np.median(overlap)) | (rmse > LARGEST_RMSE * usual)
        return {name for name, bad in zip(names, wrong, strict=True) if bad}

    def _store(self, stored: list[tuple[Any, Any]]) -> None:
        empty = np.zeros((0, 3), dtype=np.float32)
        points, normals = zip(*stored, strict=True) if stored else ([empty], [empty])
        owner = np.repeat(np.arange(len(points)), [len(part) for part in points])
        self.points = torch.from_numpy(np.concatenate(points))
        self.normal = torch.from_numpy(np.concatenate(normals))
        self.owner = torch.from_numpy(owner)
        self.usual = torch.empty(0, CHANNELS)
        if stored:
            surfaces = Surfaces(points=self.points.numpy(), normal=self.normal.numpy(), owner=owner)
            threads = torch.get_num_threads()
            self.usual = torch.from_numpy(usual_distances(surfaces, workers=threads))

    @property
    def aligner(self) -> Aligner | None:
        """The alignment with the stored surfaces; None with fewer than two."""
        if not len(self.points):
            return None
        if self._cached is None or self._cached[0] is not self.points:
            points, normal, owner, usual = (
                part.cpu().numpy() for part in (self.points, self.normal, self.owner, self.usual)
            )
            surfaces = Surfaces(points=points, normal=normal, owner=owner, usual=usual)
            self._cached = self.points, surfaces
        owners = {name: number for number, name in enumerate(self._names)}
        rows = self.prints.cpu().numpy()
        fingerprints = {bytes(row).hex(): number for number, row in enumerate(rows)}
        return Aligner(
            target=self.reference.target,
            surfaces=self._cached[1],
            registrations=self._registrations,
            owners=owners,
            fingerprints=fingerprints,
        )


def _aligned(pos: Any, registration: Registration, *, target: Target) -> tuple[Any, Any]:
    """Return a cloud's subsample and normals in the target's coordinates and extents."""
    made, centroid = subsample(pos, target.length, count=POINTS)
    points = made.points * target.length + centroid
    points = (points @ registration.rotation.T + registration.translation) / target.length
    return points.astype(np.float32), (made.normal @ registration.rotation.T).astype(np.float32)
