"""The registered normal clouds of a category, stored with the weights of a detector.

Normal clouds are registered twice: on the first of them, and then on their common surface
(``detectors.gmanet.common_surface``), where each place counts by how much they differ there.  So
what differs from part to part, such as threads and engravings, does not pull, and a cloud that sees
another side than the first one is registered on the other clouds.  Clouds whose registration
failed are left out.  What good parts differ in together, such as sizes and bends, is described by
a shape model (``detectors.gmanet.common_surface.shape_model``) and taken away before anything is
compared.  Where whole faces shift from part to part, and a normal cloud is far from what the others
let expect, nothing is stored, and no distance is measured: snap rings that open in several ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from gmanet.datasets.base import CloudDataset
from gmanet.datasets.subset import Subset
from gmanet.detectors.bank import ResizableBuffers
from gmanet.detectors.gmanet.aligner import Aligner
from gmanet.detectors.gmanet.common_surface.consensus import Consensus
from gmanet.detectors.gmanet.common_surface.joint_registration import (
    Part,
    failed,
    register_jointly,
    registered_sentence,
)
from gmanet.detectors.gmanet.common_surface.places import make_consensus
from gmanet.detectors.gmanet.common_surface.shape_model import ShapeModel
from gmanet.detectors.gmanet.deviation import Surfaces
from gmanet.detectors.reference import Reference
from gmanet.errors import note
from gmanet.registration.icp import Registration
from gmanet.runtime.rank import rank

__all__ = ["Atlas"]

SINGLE = (
    "a single normal cloud: nothing shows how good parts differ, so that a good part that differs "
    "from it in shape may be called defective, and no false-alarm rate below 50 % can be promised"
)
"""What a fit on one cloud cannot promise."""

CLOUDS = 16
"""Largest number of normal clouds whose points are stored: a bound on memory.  All clouds are in
the consensus."""

APART = 0.003
"""Largest median distance of normal clouds to the first, as a share of the target's extent, of
parts whose faces may shift in any way; it is a little below the shallowest defect that SPCG makes
by default, .003 of the diameter.  Beyond it, no cloud may be farther from a mixture of the others.
"""

STEADY = 0.5
"""Least share of places with steady faces (``Consensus.steady``) of parts of which clouds may be
farther."""


class Atlas(ResizableBuffers):
    """Surfaces of the normal clouds in one pose; no buffer has gradients.

    Clouds are numbered in the order of their names.
    """

    resizable = (
        *("points", "normal", "owner", "prints"),
        *("places", "place_normal", "offset", "slow", "mixtures", "relief"),
        *("poses", "quality"),
    )
    optional = ("slow",)

    points: Tensor
    normal: Tensor
    owner: Tensor
    prints: Tensor
    places: Tensor
    place_normal: Tensor
    offset: Tensor
    slow: Tensor
    mixtures: Tensor
    relief: Tensor
    poses: Tensor
    quality: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.reference, self.common = Reference(), Reference()
        for name in ("points", "normal", "places", "place_normal"):
            self.register_buffer(name, torch.empty(0, 3))
        for name in ("offset", "slow", "relief"):
            self.register_buffer(name, torch.empty(0, 0, dtype=torch.float16))
        self.register_buffer("owner", torch.empty(0, dtype=torch.int64))
        self.register_buffer("prints", torch.empty(0, 16, dtype=torch.uint8))
        self.register_buffer("mixtures", torch.empty(0, 0, dtype=torch.float64))
        self.register_buffer("poses", torch.empty(0, 4, 4, dtype=torch.float64))
        self.register_buffer("quality", torch.empty(0, 2, dtype=torch.float64))
        self._names: list[str] = []
        self._cached: tuple[Tensor, Surfaces, Consensus, ShapeModel | None] | None = None

    def prepare(self, clouds: CloudDataset, *, progress: bool = True) -> None:
        """Register and store the normal clouds, unless they are stored already.

        Args:
            clouds: Normal clouds of one category; the same ones if they are stored already.
            progress: Whether to show a bar, and a sentence about the registration.
        """
        if not self.reference.fitted:
            self.fit(clouds, progress=progress)
        self._names = sorted(clouds.names)

    def fit(self, clouds: CloudDataset, *, progress: bool = True) -> None:
        """Register normal clouds on one another and store them.

        Nothing is stored where fewer than two can be registered, or where their faces shift against
        one another more than a shallow defect is deep: snap rings with different openings.

        Args:
            clouds: Normal clouds of one category.
            progress: Whether to show a bar, and a sentence about the registration.
        """
        self._names = sorted(clouds.names)
        shown = progress and rank() == 0
        order = [clouds.names.index(name) for name in self._names]
        found, parts, apart = register_jointly(
            [partial(clouds.__getitem__, index) for index in order],
            self.reference,
            common=self.common,
            shown=shown,
        )
        if len(order) < 2:
            if shown:
                note(SINGLE)
            return
        self._store(parts, found, apart=apart)
        prints = b"".join(bytes.fromhex(clouds[index].fingerprint) for index in order)
        rows = np.frombuffer(prints, dtype=np.uint8).reshape(-1, 16)
        self.prints = torch.from_numpy(rows.copy())
        if shown:
            note(self.sentence())

    def _store(
        self, parts: Sequence[Part | None], found: Sequence[Registration], *, apart: float
    ) -> None:
        """Store registered clouds; None for those that could not be registered."""
        self.poses = torch.from_numpy(np.stack([each.T_target_source for each in found]))
        quality = [(each.inlier_rmse, each.overlap) for each in found]
        self.quality = torch.tensor(quality, dtype=torch.float64)
        known = [(number, part) for number, part in enumerate(parts) if part is not None]
        if len(known) < 2:
            return
        made = make_consensus(parts)
        shifts = apart > APART and made.steady.mean() < STEADY
        slow = made.offset - made.relief
        model, mixing = ShapeModel.of(made.points, made.normal, offset=made.offset, slow=slow)
        known = known[:CLOUDS]
        if mixing is not None:
            expected = model.mixtures(mixing)
            made = Consensus.of(made.points, made.normal, offset=made.offset - expected)
            known = [
                (number, (model.displaced(*part, expected=expected[:, number]), part[1]))
                for number, part in known
            ]
        if shifts and made.largest > APART:
            return
        self.points = torch.from_numpy(np.concatenate([part[0] for _, part in known]))
        self.normal = torch.from_numpy(np.concatenate([part[1] for _, part in known]))
        owner = np.repeat([number for number, _ in known], [len(part[0]) for _, part in known])
        self.owner = torch.from_numpy(owner)
        self.places, self.place_normal = map(torch.from_numpy, (made.points, made.normal))
        self.offset, self.relief = (
            torch.from_numpy(array).half() for array in (model.offset, made.relief)
        )
        if mixing is not None:
            self.mixtures = torch.from_numpy(mixing)
            if model.slow is not None:
                self.slow = torch.from_numpy(model.slow).half()

    @property
    def registrations(self) -> list[Registration]:
        """The registration of each normal cloud."""
        return [
            Registration(T_target_source=pose, inlier_rmse=float(rmse), overlap=float(overlap))
            for pose, (rmse, overlap) in zip(
                self.poses.cpu().numpy(), self.quality.cpu().numpy(), strict=True
            )
        ]

    def usable(self, clouds: CloudDataset) -> CloudDataset:
        """Return the clouds that could be registered; all of them if nothing is stored.

        Args:
            clouds: The normal clouds of the fit.
        """
        lost = failed(self.registrations) if len(self.points) else []
        if not any(lost):
            return clouds
        names = sorted(clouds.names)
        return Subset(clouds, [name for name, bad in zip(names, lost, strict=True) if not bad])

    def sentence(self) -> str:
        """Return how many normal clouds lie on one another, and how well."""
        found = self.registrations
        if not len(self.points):
            return (
                f"the {len(found)} normal clouds cannot be registered on one another, or their "
                "faces shift against one another: no distance from them is measured"
            )
        return registered_sentence(found, self._names, length=float(self.reference.length))

    @property
    def aligner(self) -> Aligner | None:
        """The alignment with the stored surfaces; None where there are fewer than two."""
        if not len(self.points):
            return None
        if self._cached is None or self._cached[0] is not self.points:
            points, normal, owner = (
                part.cpu().numpy() for part in (self.points, self.normal, self.owner)
            )
            places, place_normal, offset, relief, slow = (
                part.cpu().float().numpy()
                for part in (self.places, self.place_normal, self.offset, self.relief, self.slow)
            )
            shapes = None
            if len(mixing := self.mixtures.cpu().numpy()):
                kept = slow if len(slow) else None
                shapes = ShapeModel(points=places, normal=place_normal, offset=offset, slow=kept)
                offset = offset - shapes.mixtures(mixing)
            self._cached = (
                self.points,
                Surfaces(points=points, normal=normal, owner=owner),
                Consensus(points=places, normal=place_normal, offset=offset, relief=relief),
                shapes,
            )
        rows = self.prints.cpu().numpy()
        return Aligner(
            target=self.reference.target,
            common=self.common.target,
            surfaces=self._cached[1],
            consensus=self._cached[2],
            shapes=self._cached[3],
            registrations=dict(zip(self._names, self.registrations, strict=False)),
            owners={name: number for number, name in enumerate(self._names)},
            fingerprints={bytes(row).hex(): number for number, row in enumerate(rows)},
        )
