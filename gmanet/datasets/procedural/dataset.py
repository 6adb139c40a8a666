"""The embedded data set: fifteen parts and five defect kinds, made on the fly.

A part is built with manufacturing errors, its surface is deformed, and only then sampled evenly per
area: the density of the points says nothing of the defect.  Statistics follow Table II.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud
from gmanet.datasets.base import SPLITS, CloudDataset
from gmanet.datasets.procedural.counts import point_counts
from gmanet.datasets.procedural.defects import DEFECTS, FLOOR, deform
from gmanet.datasets.procedural.solids import CATEGORIES, Part
from gmanet.datasets.procedural.surface import finish, pose, scatter
from gmanet.errors import InputError, hint

__all__ = ["PROFILES", "Procedural", "Profile", "make", "write"]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How large a data set is.

    Args:
        points: Fewest and most points of a cloud; None: after Table II, see ``counts``.
        train: Number of normal clouds to train with.
        test_good: Number of normal test clouds.
        test_per_defect: Number of defective test clouds of each kind.
        largest: The largest defects have this many times Table II's share of the surface.
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
    ),  # labels take in a little more than the share
    "many": Profile(points=(12_000, 20_000), train=100, test_good=20, test_per_defect=6),
}
"""The sizes on offer: ``small`` for a first result, ``full`` after Table II, ``many`` is ``small``
with 80 more train clouds."""


def make(
    part: Part,
    defect: str,
    *,
    points: tuple[int, int],
    rng: np.random.Generator,
    largest: float = 1.6,
) -> Cloud:
    """Return one cloud of a part.

    Args:
        part: What to build.
        defect: One of ``DEFECTS``, or ``good``.
        points: Fewest and most points.
        rng: Draws everything else.
        largest: As for :class:`Profile`.
    """
    shape, flaw, scan, stance = rng.spawn(4)
    mesh = part.build(shape)
    diagonal = mesh.diagonal
    length = None
    if defect != "good":
        share = part.ratio * flaw.uniform(0.5, largest)
        displacement, depth = deform(mesh, mesh.crosses(), kind=defect, share=share, rng=flaw)
        length = np.linalg.norm(displacement, axis=1) / depth
        mesh = mesh.moved(mesh.vertices + displacement)
    count = int(scan.integers(points[0], points[1], endpoint=True))
    spots = scatter(mesh, count, rng=scan)
    place = pose(finish(part.finish, spots, diagonal=diagonal, rng=scan), diagonal, rng=stance)
    label = np.zeros(count, dtype=bool)
    if length is not None:
        label = np.einsum("nk,nk->n", spots.weight, length[spots.corner]) > FLOOR
    order = scan.permutation(count)
    return Cloud(place[order].astype(np.float32), label[order], defect=defect)


class Procedural(CloudDataset):
    """One split of one category, each cloud made when asked for and then kept.

    A cloud depends on the seed, the category, the split and its name only, and not on the order of
    the requests or on the machine.

    Args:
        category: One of ``CATEGORIES``.
        split: ``train`` or ``test``.
        profile: One of ``PROFILES``.
        seed: Another seed gives other parts.

    Raises:
        InputError: An unknown category or profile.
    """

    unit = "mm"

    def __init__(self, category: str, split: str, *, profile: str = "small", seed: int = 0) -> None:
        super().__init__(category, split)
        _known("category", category, names=list(CATEGORIES))
        _known("profile", profile, names=list(PROFILES))
        self.profile = PROFILES[profile]
        self.seed = seed
        self._made: dict[int, Cloud] = {}
        kinds = [("good", self.profile.train if split == "train" else self.profile.test_good)]
        if split == "test":
            kinds += [(kind, self.profile.test_per_defect) for kind in DEFECTS]
        self._items = [(kind, f"{kind}_{i:03d}") for kind, count in kinds for i in range(count)]

    @property
    def names(self) -> list[str]:
        """Return the clouds' names, in order, without making them."""
        return [name for _, name in self._items]

    def __getitem__(self, index: int) -> Cloud:
        defect, name = self._items[index]
        index %= len(self._items)
        if index not in self._made:
            points = self.profile.points or (self._count(index),) * 2
            part, rng = CATEGORIES[self.category], self._rng(name)
            cloud = make(part, defect, points=points, rng=rng, largest=self.profile.largest)
            self._made[index] = cloud.replace(name=name, category=self.category)
        return self._made[index]

    def _rng(self, name: str) -> np.random.Generator:
        key = zlib.crc32(f"{self.category}/{self.split}/{name}".encode())
        return np.random.default_rng([self.seed, key])

    def _count(self, index: int) -> int:
        """Return how many points a cloud has where the profile follows Table II."""
        kind, _ = self._items[index]
        group = [place for place, (one, _) in enumerate(self._items) if one == kind]
        share = self.profile.train / (self.profile.train + self.profile.test_good)
        counts = point_counts(
            self.category, self.split, clouds=len(group), train_share=share, rng=self._rng(kind)
        )
        return counts[group.index(index)]


def _known(what: str, name: str, *, names: list[str]) -> None:
    """Raise an InputError, the likeliest name first, if ``name`` is not among ``names``."""
    if name not in names:
        there = ", ".join(names)
        raise InputError(
            f"procedural data: unknown {what} {name!r}{hint(name, names)}; there are: {there}"
        )


def write(dataset_root: Path, category: str, *, profile: str = "small", seed: int = 0) -> Path:
    """Return the folder of a category after writing it in the layout of IEC3D-AD.

    ``train/`` and ``test/`` hold ``.pcd`` files without labels; ``gt/`` holds ``x y z label`` rows
    of the defective clouds, in another order than in the ``.pcd``, as in the original.

    Args:
        dataset_root: Where the category's folder goes.
        category: One of ``CATEGORIES``.
        profile: One of ``PROFILES``.
        seed: As for :class:`Procedural`.

    Raises:
        InputError: An unknown category or profile.
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
