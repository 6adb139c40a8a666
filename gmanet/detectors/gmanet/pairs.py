"""Pairs of a normal cloud and a twin, from which every step samples new centers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from gmanet.cloud import Indices, Labels
from gmanet.detectors.frameworks import Data
from gmanet.detectors.gmanet.cross_fitting import LEARNED
from gmanet.detectors.gmanet.structures import Structure
from gmanet.geometry.neighbors import nearest

__all__ = ["Pair", "PairDataset", "PairSampling", "make_pair"]

BORDER = 0.08
"""Width of the border around abnormal areas, as a share of the diameter."""


@dataclass(frozen=True, kw_only=True)
class PairSampling:
    """Numbers of centers that one step samples from a pair.

    Args:
        centers: Number of centers from one pair.
        synthetic: Share of the centers on the twin's abnormal area.
        border: Share of the centers on the border of this area: normal points near abnormal points.
    """

    centers: int = 128
    synthetic: float = 0.25
    border: float = 0.1


@dataclass(frozen=True, eq=False, kw_only=True)
class Pair:
    """The structures of a normal cloud and its twin, with the twin's centers by kind.

    Args:
        normal: Structure of the normal cloud.
        twin: Structure of the twin.
        abnormal: Indices of the twin's centers in the abnormal area.
        border: Indices of the twin's normal centers near the abnormal area.
        far: Indices of the twin's remaining centers.
        left_out_by: Numbers of the members that leave out the normal cloud, and the twin
            (:mod:`gmanet.detectors.gmanet.cross_fitting`).
    """

    normal: Structure
    twin: Structure
    abnormal: Indices
    border: Indices
    far: Indices
    left_out_by: tuple[int, int] = (LEARNED, LEARNED)


def make_pair(
    normal: Structure,
    twin: Structure,
    *,
    label: Labels,
    diameter: float,
    left_out_by: tuple[int, int] = (LEARNED, LEARNED),
) -> Pair:
    """Return a pair with the twin's centers sorted by kind.

    Args:
        normal: Structure of the normal cloud.
        twin: Structure of its twin.
        label: Labels of the twin's centers, true where abnormal, with shape ``(M,)``.
        diameter: Diameter of the normal cloud's subsample, in the unit of the cloud.
        left_out_by: As for :class:`Pair`.
    """
    center = twin.points[: len(label)]
    border = np.zeros(len(label), dtype=bool)
    if label.any():
        border = (nearest(center[label], center, count=1)[0][:, 0] < BORDER * diameter) & ~label
    return Pair(
        normal=normal,
        twin=twin,
        abnormal=np.flatnonzero(label),
        border=np.flatnonzero(border),
        far=np.flatnonzero(~label & ~border),
        left_out_by=left_out_by,
    )


class Drawn(NamedTuple):
    """Centers of one structure, all abnormal or all normal, and the member that leaves them out."""

    structure: Structure
    centers: Indices
    abnormal: bool
    left_out_by: int


class PairDataset(Dataset["Data"]):
    """Data set of centers sampled from pairs; an item depends on ``(seed, epoch, index)`` alone."""

    def __init__(self, pairs: list[Pair], sampling: PairSampling, *, seed: int) -> None:
        self.pairs, self.sampling, self.seed = pairs, sampling, seed

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: tuple[int, int]) -> Data:
        epoch, index = key
        rng = np.random.default_rng([self.seed, epoch, index])
        made = self.pairs[index]
        count = self.sampling.centers
        synthetic = round(count * self.sampling.synthetic) if len(made.abnormal) else 0
        border = round(count * self.sampling.border) if len(made.border) else 0
        rest = count - synthetic - border
        far = rest // 2 if len(made.far) else 0
        everywhere = np.arange(len(made.normal.context))
        normal, twin = made.left_out_by
        kinds = [
            (synthetic, Drawn(made.twin, made.abnormal, True, twin)),
            (border, Drawn(made.twin, made.border, False, twin)),
            (far, Drawn(made.twin, made.far, False, twin)),
            (rest - far, Drawn(made.normal, everywhere, False, normal)),
        ]
        return _gathered(
            [kind._replace(centers=rng.choice(kind.centers, size)) for size, kind in kinds if size]
        )

    def sample(self, count: int) -> Data:
        """Return about ``count`` centers, equally many of each normal cloud, for standardizers."""
        rng = np.random.default_rng(self.seed)
        normals = list({id(made.normal): made.normal for made in self.pairs}.values())
        each = max(1, count // len(normals))
        sizes = [len(made.context) for made in normals]
        return _gathered(
            [
                Drawn(made, rng.choice(size, min(each, size), replace=False), False, LEARNED)
                for made, size in zip(normals, sizes, strict=True)
            ]
        )


def _gathered(drawn: Sequence[Drawn]) -> Data:
    """Return the networks' inputs at some centers of several structures.

    Returns:
        ``descriptor (M, K, C)``, ``local (M, K, 6)``, ``context (M, D)``, ``abnormal (M,)`` and
        ``left_out_by (M,)``.
    """
    parts = {
        "descriptor": [
            each.structure.descriptor[each.structure.groups[each.centers]] for each in drawn
        ],
        "local": [each.structure.local[each.centers] for each in drawn],
        "context": [each.structure.context[each.centers] for each in drawn],
        "abnormal": [np.full(len(each.centers), each.abnormal) for each in drawn],
        "left_out_by": [np.full(len(each.centers), each.left_out_by) for each in drawn],
    }
    joined = {name: torch.from_numpy(np.concatenate(part)) for name, part in parts.items()}
    return Data(**joined, num_nodes=len(joined["abnormal"]))
