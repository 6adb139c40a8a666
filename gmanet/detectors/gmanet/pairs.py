"""Pairs of a normal cloud and a twin, from which every step samples new centers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Dataset

from gmanet.cloud import Indices, Labels
from gmanet.detectors.gmanet.reader import gather_centers
from gmanet.detectors.gmanet.structures import Structure
from gmanet.geometry.neighbors import nearest

if TYPE_CHECKING:
    from torch_geometric.data import Data

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
    """

    normal: Structure
    twin: Structure
    abnormal: Indices
    border: Indices
    far: Indices


def make_pair(normal: Structure, twin: Structure, *, label: Labels, diameter: float) -> Pair:
    """Return a pair with the twin's centers sorted by kind.

    Args:
        normal: Structure of the normal cloud.
        twin: Structure of its twin.
        label: Labels of the twin's centers, true where abnormal, with shape ``(M,)``.
        diameter: Diameter of the normal cloud's subsample, in the unit of the cloud.
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
    )


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
        parts = [
            (made.twin, made.abnormal, synthetic, True),
            (made.twin, made.border, border, False),
            (made.twin, made.far, far, False),
            (made.normal, everywhere, rest - far, False),
        ]
        drawn = [
            (structure, rng.choice(index, size), abnormal)
            for structure, index, size, abnormal in parts
            if size
        ]
        return gather_centers(drawn)

    def sample(self, count: int) -> Data:
        """Return about ``count`` centers, equally many of each normal cloud, for standardizers."""
        rng = np.random.default_rng(self.seed)
        normals = list({id(made.normal): made.normal for made in self.pairs}.values())
        each = max(1, count // len(normals))
        drawn = [
            (made, rng.choice(len(made.context), min(each, len(made.context)), False), False)
            for made in normals
        ]
        return gather_centers(drawn)
