"""The normal clouds of a category, laid on one another and stored with the weights of a detector.

Clouds that do not lie on one another, such as scans from changing sides, would only confuse: where
they overlap too little no cloud is laid on any.  The same holds for parts that differ among
themselves by as much as the smallest defect is deep, such as snap rings of any opening.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.aligner import Alignment
from gmanet.detectors.gmanet.deviation import Surfaces
from gmanet.registration.cached import register_cached
from gmanet.registration.icp import Registration
from gmanet.registration.reference import Reference
from gmanet.registration.target import Target, subsample
from gmanet.runtime.rank import rank

__all__ = ["Atlas"]

CLOUDS = 16
"""Normal clouds whose surfaces are kept: a bound on memory."""

POINTS = 16384
"""Points that are kept of each."""

TRIED = 8
"""Normal clouds that decide whether clouds of the category lie on one another."""

OVERLAP = 0.95
"""Least median overlap of these; of whole scans of one part it is 1."""

ALIKE = 0.003
"""Largest median distance of normal clouds to the first, as a share of the target's extent.

It is .0021 to .0030 of the diameter (``geometry.size``) over the fifteen procedural parts, a little
below the shallowest defect that SPCG makes by default, .003 of the diameter.
"""


class Atlas(nn.Module):
    """Surfaces of normal clouds in one pose; nothing is learned by gradients."""

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
        self._known: dict[str, Registration] = {}
        self._made: tuple[Tensor, Surfaces] | None = None

    def prepare(self, clouds: CloudDataset, progress: bool = True) -> None:
        """Learn normal clouds, or recognize them where surfaces of theirs are stored already.

        Args:
            clouds: Normal clouds of one category; those that were learned, if any were.
            progress: Whether to show a bar.
        """
        if not self.reference.learned:
            self.learn(clouds, progress)
        elif len(self.points):
            self._recognize(clouds, progress)

    def _recognize(self, clouds: CloudDataset, progress: bool) -> None:
        """Lay the clouds that were learned on the stored reference, as they were laid then."""
        order = sorted(range(len(clouds)), key=lambda index: clouds.names[index])
        self._names = [clouds.names[index] for index in order[: int(self.owner.max()) + 1]]
        target = self.reference.target
        quiet = not progress or rank() > 0
        bar = tqdm(order, "aligning normal clouds", disable=quiet, unit="cloud")
        self._known = {clouds.names[i]: register_cached(clouds[i].pos, target) for i in bar}

    def learn(self, clouds: CloudDataset, progress: bool = True) -> None:
        """Lay normal clouds on the first by name, or keep nothing where they do not overlap.

        Args:
            clouds: Normal clouds of one category.
            progress: Whether to show a bar.
        """
        order = sorted(range(len(clouds)), key=lambda index: clouds.names[index])
        self._names = [clouds.names[index] for index in order[:CLOUDS]]
        self._known = {}
        self.reference.learn(clouds[order[0]].pos)
        target = self.reference.target
        kept: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
        prints: list[bytes] = []
        bar = tqdm(
            order, "aligning normal clouds", disable=not progress or rank() > 0, unit="cloud"
        )
        for turn, index in enumerate(bar):
            cloud = clouds[index]
            motion = self._known[clouds.names[index]] = register_cached(cloud.pos, target)
            if turn < CLOUDS:
                kept.append(_laid(cloud.pos, motion, target))
                prints.append(bytes.fromhex(cloud.fingerprint))
            if turn == min(TRIED, len(order)) - 1 and self._overlap() < OVERLAP:
                bar.close()
                self._known, kept = {}, []
                break
        if len(kept) < 2 or self._distance() > ALIKE * target.length:
            self._known, kept = {}, []  # a cloud alone has no others to be compared with
        self._keep(kept)
        stored = np.frombuffer(b"".join(prints[: len(kept)]), dtype=np.uint8).reshape(-1, 16)
        self.prints = torch.from_numpy(stored.copy())

    def _overlap(self) -> float:
        """Return the median overlap of the clouds that were laid on the first."""
        others = [motion.overlap for motion in self._known.values()][1:]
        return float(np.median(others)) if others else 0.0

    def _distance(self) -> float:
        """Return the median distance of the clouds to the first, in their unit."""
        return float(
            np.median([motion.inlier_rmse for motion in self._known.values()][1:] or [0.0])
        )

    def _keep(self, kept: list[tuple[Any, Any]]) -> None:
        empty = np.zeros((0, 3), dtype=np.float32)
        points, normals = zip(*kept, strict=True) if kept else ([empty], [empty])
        owner = np.repeat(np.arange(len(points)), [len(part) for part in points])
        self.points = torch.from_numpy(np.concatenate(points))
        self.normal = torch.from_numpy(np.concatenate(normals))
        self.owner = torch.from_numpy(owner)

    @property
    def alignment(self) -> Alignment | None:
        """How clouds are laid on the surfaces; None where normal clouds do not overlap."""
        if not len(self.points):
            return None
        if self._made is None or self._made[0] is not self.points:
            parts = (part.cpu().numpy() for part in (self.points, self.normal, self.owner))
            self._made = self.points, Surfaces(*parts)
        owners = {name: number for number, name in enumerate(self._names)}
        seen = {bytes(line).hex(): number for number, line in enumerate(self.prints.cpu().numpy())}
        return Alignment(self.reference.target, self._made[1], self._known, owners, seen)

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Make room for as many points as were stored; an older state holds no fingerprints."""
        none = torch.empty(0, 16, dtype=torch.uint8)
        state_dict = {f"{prefix}prints": none, **state_dict}
        for name in ("points", "normal", "owner", "prints"):
            if f"{prefix}{name}" in state_dict:
                stored = state_dict[f"{prefix}{name}"]
                setattr(self, name, torch.empty_like(stored, device=self.points.device))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _laid(pos: Any, motion: Registration, target: Target) -> tuple[Any, Any]:
    """Return a cloud's thinned points on the target, in its extents, and their normals."""
    made, middle = subsample(pos, target.length, POINTS)
    place = made.points * target.length + middle
    place = (place @ motion.rotation.T + motion.translation) / target.length
    return place.astype(np.float32), (made.normal @ motion.rotation.T).astype(np.float32)
