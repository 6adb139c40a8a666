"""Test clouds scanned again: rescans differ from the scan in what is no defect.

``data.rescan=[clean,noise2,half]`` puts every test cloud into the test split once per kind.  A
detector that serves more than one setting of a scanner gives the same verdict on all kinds.  A
rescan is determined by the seed of the data set, the name of the cloud and the kind.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.rescan_kinds import CHANGES, KINDS, REMOVALS
from gmanet.errors import InputError, hint

__all__ = ["KINDS", "Rescanned", "kind_of", "rescan"]

SEEN = 0.1
"""Smallest fraction of the abnormal points that a removal keeps, so that the defect is visible."""
DRAWS = 20
"""Number of draws after which half of the abnormal points are kept in any case."""


def rescan(cloud: Cloud, kind: str, *, rng: np.random.Generator) -> Cloud:
    """Return a cloud as another scan of the same part.

    A removal never removes a whole defect: it is drawn again while it keeps less than ``SEEN`` of
    the abnormal points.  ``Cloud.notes`` then states the number of draws without the defect.

    Args:
        cloud: The scan.
        kind: One of ``KINDS``.
        rng: Generator of all random numbers.
    """
    return CHANGES[kind](cloud, rng) if kind in CHANGES else _thinned(cloud, kind, rng=rng)


def _thinned(cloud: Cloud, kind: str, *, rng: np.random.Generator) -> Cloud:
    """Return a cloud with the points that a removal keeps, in their order."""
    abnormal = np.flatnonzero(cloud.label) if cloud.label is not None else np.empty(0, np.int64)
    kept, failed, notes = REMOVALS[kind](cloud.pos, rng), 0, cloud.notes
    while len(abnormal) and kept[abnormal].mean() < SEEN:
        failed += 1
        if failed < DRAWS:
            kept = REMOVALS[kind](cloud.pos, rng)
        else:
            kept[rng.choice(abnormal, (len(abnormal) + 1) // 2, replace=False)] = True
    if failed:
        notes += (f"{cloud.name}: {kind}: drawn anew, {failed} times the defect was missed",)
    return cloud.replace(
        pos=cloud.pos[kept],
        label=None if cloud.label is None else cloud.label[kept],
        normal=None if cloud.normal is None else cloud.normal[kept],
        notes=notes,
    )


def kind_of(name: str, kinds: Iterable[str] = KINDS) -> str:
    """Return the kind of rescan in the name of a cloud; empty for other names."""
    ending = name.rpartition(".")[2]
    return ending if ending != name and ending in kinds else ""


class Rescanned(CloudDataset):
    """Every cloud of another data set once per kind, named ``concave_003.half``.

    Args:
        whole: The clouds.
        kinds: Some of ``KINDS``; repetitions are ignored.
        seed: Seed of all random numbers.

    Raises:
        InputError: A kind is unknown.
    """

    def __init__(self, whole: CloudDataset, kinds: Sequence[str], *, seed: int = 0) -> None:
        super().__init__(whole.category, whole.split)
        for kind in kinds:
            if kind not in KINDS:
                there = ", ".join(KINDS)
                found = f"no kind {kind!r}{hint(kind, KINDS)}"
                raise InputError(f"data.rescan: {found}; there are: {there}")
        self.whole, self.kinds, self.seed = whole, list(dict.fromkeys(kinds)), seed
        self.unit = whole.unit

    @property
    def names(self) -> list[str]:
        """Return each cloud's name with each kind."""
        return [f"{name}.{kind}" for name in self.whole.names for kind in self.kinds]

    @property
    def scanned(self) -> CloudDataset:
        """Return the data set of the clouds as they are."""
        return self.whole

    @property
    def notes(self) -> Sequence[str]:
        """Return the notes of the whole data set."""
        return self.whole.notes

    def __getitem__(self, index: int) -> Cloud:
        """Return a cloud as scanned again.

        Raises:
            InputError: The cloud cannot be read, or too few points are left.
        """
        index = range(len(self))[index]
        name, kind = self.names[index], self.kinds[index % len(self.kinds)]
        key = zlib.crc32(name.encode("utf-8", "surrogateescape"))
        cloud = self.whole[index // len(self.kinds)]
        again = rescan(cloud, kind, rng=np.random.default_rng([self.seed, key]))
        return again.replace(name=name).checked(name)
