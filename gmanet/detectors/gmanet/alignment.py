"""The registered normal clouds of a category, stored with the weights of a detector.

Distances between clouds that cannot be registered on one another, such as scans from different
sides, would be misleading: where the overlap is too small there is no alignment.  The same holds
for normal parts that differ from each other by as much as the depth of the smallest defect, such as
snap rings with different openings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.bank import ResizableBuffers
from gmanet.detectors.gmanet.aligner import Aligner
from gmanet.detectors.gmanet.deviation import Surfaces
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

TESTED = 8
"""Number of normal clouds that decide whether the category can be aligned."""

OVERLAP = 0.95
"""Smallest median overlap of the tested clouds, from 0 to 1; whole scans of one part have 1."""

LARGEST_RMSE = 0.003
"""Largest median distance of normal clouds to the first, as a share of the target's extent.

The median is .0021 to .0030 of the diameter (``gmanet.cloud``) over the fifteen procedural parts,
a little below the shallowest defect that SPCG makes by default, .003 of the diameter.
"""


class Atlas(ResizableBuffers):
    """Surfaces of the normal clouds in one pose; no buffer has gradients."""

    resizable = ("points", "normal", "owner", "prints")

    points: Tensor
    normal: Tensor
    owner: Tensor
    prints: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.reference = Reference()
        self.register_buffer("points", torch.empty(0, 3))
        self.register_buffer("normal", torch.empty(0, 3))
        self.register_buffer("owner", torch.empty(0, dtype=torch.int64))
        self.register_buffer("prints", torch.empty(0, 16, dtype=torch.uint8))
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
        """Register normal clouds on the first by name and store them, if they overlap enough.

        Args:
            clouds: Normal clouds of one category.
            progress: Whether to show a bar.
        """
        order = sorted(range(len(clouds)), key=lambda index: clouds.names[index])
        self._names = [clouds.names[index] for index in order[:CLOUDS]]
        self._registrations = {}
        self.reference.fit(clouds[order[0]].pos)
        target = self.reference.target
        stored: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
        prints: list[bytes] = []
        bar = tqdm(
            order, "aligning normal clouds", disable=not progress or rank() > 0, unit="cloud"
        )
        for number, index in enumerate(bar):
            cloud = clouds[index]
            found = self._registrations[clouds.names[index]] = register_cached(cloud.pos, target)
            if number < CLOUDS:
                stored.append(_aligned(cloud.pos, found, target=target))
                prints.append(bytes.fromhex(cloud.fingerprint))
            if number == min(TESTED, len(order)) - 1 and self._overlap() < OVERLAP:
                bar.close()
                self._registrations, stored = {}, []
                break
        if len(stored) < 2 or self._distance() > LARGEST_RMSE * target.length:
            self._registrations, stored = {}, []  # one cloud cannot be compared with others
        self._store(stored)
        rows = np.frombuffer(b"".join(prints[: len(stored)]), dtype=np.uint8).reshape(-1, 16)
        self.prints = torch.from_numpy(rows.copy())

    def _overlap(self) -> float:
        """Return the median overlap of all further clouds with the first one."""
        others = [each.overlap for each in self._registrations.values()][1:]
        return float(np.median(others)) if others else 0.0

    def _distance(self) -> float:
        """Return the median distance of the clouds to the first one, in the unit of the clouds."""
        return float(
            np.median([each.inlier_rmse for each in self._registrations.values()][1:] or [0.0])
        )

    def _store(self, stored: list[tuple[Any, Any]]) -> None:
        empty = np.zeros((0, 3), dtype=np.float32)
        points, normals = zip(*stored, strict=True) if stored else ([empty], [empty])
        owner = np.repeat(np.arange(len(points)), [len(part) for part in points])
        self.points = torch.from_numpy(np.concatenate(points))
        self.normal = torch.from_numpy(np.concatenate(normals))
        self.owner = torch.from_numpy(owner)

    @property
    def aligner(self) -> Aligner | None:
        """The alignment with the stored surfaces; None where normal clouds do not overlap."""
        if not len(self.points):
            return None
        if self._cached is None or self._cached[0] is not self.points:
            points, normal, owner = (
                part.cpu().numpy() for part in (self.points, self.normal, self.owner)
            )
            self._cached = self.points, Surfaces(points=points, normal=normal, owner=owner)
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

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Load a state; states of older versions have no fingerprints."""
        none = torch.empty(0, 16, dtype=torch.uint8)
        super()._load_from_state_dict(
            {f"{prefix}prints": none, **state_dict}, prefix, *args, **kwargs
        )


def _aligned(pos: Any, registration: Registration, *, target: Target) -> tuple[Any, Any]:
    """Return a cloud's subsample and normals in the target's coordinates and extents."""
    made, centroid = subsample(pos, target.length, count=POINTS)
    points = made.points * target.length + centroid
    points = (points @ registration.rotation.T + registration.translation) / target.length
    return points.astype(np.float32), (made.normal @ registration.rotation.T).astype(np.float32)
