"""The embedded data set: parts of two tables and five defect kinds, made on the fly.

A part is built with manufacturing errors and its surface is deformed before points are sampled
uniformly per area, so that the density of the points does not reveal the defect.  Statistics follow
Table II.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud
from gmanet.datasets.base import SPLITS, CloudDataset
from gmanet.datasets.procedural.counts import point_counts
from gmanet.datasets.procedural.defects import DEFECTS
from gmanet.datasets.procedural.solids import CATEGORIES
from gmanet.datasets.procedural.specimen import Specimen, make
from gmanet.datasets.procedural.surface import POSES
from gmanet.datasets.procedural.varying import VARYING
from gmanet.datasets.statistics import PAPER
from gmanet.errors import InputError, hint

__all__ = ["PROFILES", "Procedural", "Profile", "write"]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Size of a data set.

    Args:
        points: Smallest and largest number of points of a cloud; None: numbers after Table II
            (``counts``).
        train: Number of train clouds.
        test_good: Number of normal test clouds.
        test_per_defect: Number of defective test clouds of each kind.
        largest: Labeled share of the surface for the largest defects, in multiples of the average
            share of Table II.
    """

    points: tuple[int, int] | None
    train: int
    test_good: int
    test_per_defect: int
    largest: float = 1.6


PROFILES = {
    "small": Profile(points=(12_000, 20_000), train=20, test_good=20, test_per_defect=6),
    "full": Profile(
        points=None, train=60, test_good=40, test_per_defect=12, largest=1.45
    ),  # the labeled share is slightly larger than the target
    "many": Profile(points=(12_000, 20_000), train=100, test_good=20, test_per_defect=6),
}
"""Name -> size: ``small`` for a first result, ``full`` after Table II, and ``many``, which is
``small`` with 80 more train clouds."""


UNLISTED = (30_000, 60_000)
"""Fewest and most points, in ``full``, of a part that Table II does not list."""


class Procedural(CloudDataset):
    """One split of one category; a cloud is made at the first access and then cached.

    A cloud depends only on the seed, the category, the split and the name of the cloud, and neither
    on the order of accesses nor on the machine.

    Args:
        category: One of ``CATEGORIES`` or of ``VARYING``.
        split: ``train`` or ``test``.
        profile: One of ``PROFILES``.
        seed: Seed of all random numbers.
        poses: One of ``POSES`` of ``procedural.surface``; the clouds are the same but for it.

    Raises:
        InputError: The category, the profile or the poses are unknown.
    """

    unit = "mm"

    def __init__(
        self,
        category: str,
        split: str,
        *,
        profile: str = "small",
        seed: int = 0,
        poses: str = "any",
    ) -> None:
        super().__init__(category, split)
        _known("category", category, names=[*CATEGORIES, *VARYING])
        _known("profile", profile, names=list(PROFILES))
        _known("pose", poses, names=list(POSES))
        self.part = CATEGORIES.get(category) or VARYING[category]
        self.profile = PROFILES[profile]
        self.seed, self.poses = seed, poses
        self._made: dict[int, Cloud] = {}
        kinds = [("good", self.profile.train if split == "train" else self.profile.test_good)]
        if split == "test":
            kinds += [(kind, self.profile.test_per_defect) for kind in DEFECTS]
        self._items = [(kind, f"{kind}_{i:03d}") for kind, count in kinds for i in range(count)]

    @property
    def names(self) -> list[str]:
        """Return the clouds' names, in order, without making them."""
        return [name for _, name in self._items]

    @property
    def defects(self) -> list[str]:
        """Return the kinds of defects, in order, without making the clouds."""
        return [kind for kind, _ in self._items]

    def __getitem__(self, index: int) -> Cloud:
        _, name = self._items[index]
        index %= len(self._items)
        if index not in self._made:
            cloud = self.specimen(index).cloud
            self._made[index] = cloud.replace(name=name, category=self.category)
        return self._made[index]

    def specimen(self, index: int) -> Specimen:
        """Return the scan of an index with the surface that was scanned.

        Args:
            index: Number of the cloud, from 0; negative ones count from the end.
        """
        defect, name = self._items[index]
        return make(
            self.part,
            defect,
            points=self.profile.points or self._points(index % len(self._items)),
            rng=self._rng(name),
            largest=self.profile.largest,
            poses=self.poses,
        )

    def _rng(self, name: str) -> np.random.Generator:
        key = zlib.crc32(f"{self.category}/{self.split}/{name}".encode())
        return np.random.default_rng([self.seed, key])

    def _points(self, index: int) -> tuple[int, int]:
        """Return fewest and most points of a cloud where the profile follows Table II."""
        return (self._count(index),) * 2 if self.category in PAPER else UNLISTED

    def _count(self, index: int) -> int:
        """Return the number of points of a cloud of a part of Table II in the profile ``full``."""
        kind, _ = self._items[index]
        group = [place for place, (one, _) in enumerate(self._items) if one == kind]
        share = self.profile.train / (self.profile.train + self.profile.test_good)
        counts = point_counts(
            self.category, self.split, clouds=len(group), train_share=share, rng=self._rng(kind)
        )
        return counts[group.index(index)]


def _known(what: str, name: str, *, names: list[str]) -> None:
    """Raise an InputError with the most similar name if ``name`` is not among ``names``."""
    if name not in names:
        there = ", ".join(names)
        raise InputError(
            f"procedural data: unknown {what} {name!r}{hint(name, names)}; there are: {there}"
        )


def write(dataset_root: Path, category: str, *, profile: str = "small", seed: int = 0) -> Path:
    """Return the folder of a category after writing it in the layout of IEC3D-AD.

    ``train/`` and ``test/`` hold ``.pcd`` files without labels; ``gt/`` holds ``x y z label`` rows
    of the defective clouds, in another order than the ``.pcd``, as in IEC3D-AD.

    Args:
        dataset_root: Folder in which the category's folder is made.
        category: One of ``CATEGORIES``.
        profile: One of ``PROFILES``.
        seed: Seed of all random numbers.

    Raises:
        InputError: The category or the profile is unknown, or a file cannot be written.
    """
    from gmanet.formats import write_cloud

    splits = [Procedural(category, split, profile=profile, seed=seed) for split in SPLITS]
    folder = dataset_root / "".join(word.capitalize() for word in category.split("_"))
    for part in ("train", "test", "gt"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for data in splits:
        for index, name in enumerate(data.names):
            cloud = data[index]
            write_cloud(folder / data.split / f"{name}.pcd", cloud.replace(label=None))
            if cloud.abnormal and cloud.label is not None:
                order = np.random.default_rng([seed, index]).permutation(len(cloud))
                truth = cloud.replace(pos=cloud.pos[order], label=cloud.label[order])
                write_cloud(folder / "gt" / f"{name}.txt", truth)
    return folder
