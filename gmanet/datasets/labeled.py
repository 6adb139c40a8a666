"""Defective clouds of several parts, divided into a train and a test split (Section V-F).

The paper divides its abnormal clouds 8:2.  Here the division is stratified by part and kind of
defect, and is drawn anew for every seed.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.errors import InputError, hint

__all__ = ["TEST_SHARE", "LabeledClouds", "draw_test"]

TEST_SHARE = 0.2
"""Share of the defective clouds of a part in the test split."""


def draw_test(kinds: Sequence[str], rng: np.random.Generator) -> list[int]:
    """Return the places of the test clouds, in order.

    ``TEST_SHARE`` of the clouds are drawn, and of every kind that share but for less than one
    cloud; which kinds get one more is drawn, too.

    Args:
        kinds: Kind of defect of each cloud of a part.
        rng: Generator.
    """
    groups = {
        kind: [at for at, own in enumerate(kinds) if own == kind] for kind in sorted(set(kinds))
    }
    wanted = {kind: TEST_SHARE * len(group) for kind, group in groups.items()}
    counts = {kind: int(share) for kind, share in wanted.items()}
    missing = round(TEST_SHARE * len(kinds)) - sum(counts.values())
    names = [list(groups)[place] for place in rng.permutation(len(groups))]
    for kind in sorted(names, key=lambda kind: counts[kind] - wanted[kind])[:missing]:
        counts[kind] += 1
    chosen = [
        group[place]
        for kind, group in groups.items()
        for place in rng.permutation(len(group))[: counts[kind]]
    ]
    return sorted(chosen)


class LabeledClouds(CloudDataset):
    """One split of the defective clouds of some parts; names begin with the part.

    Args:
        parts: Test splits of the parts.
        split: ``train`` or ``test``.
        seed: Seed of the division.
        unseen: Kind of defects that is left out of the train split; all its clouds are then the
            test split.  Empty: none.

    Raises:
        InputError: There are no defective clouds, or none of the unseen kind, or of another one.
    """

    def __init__(
        self, parts: Sequence[CloudDataset], split: str, *, seed: int = 0, unseen: str = ""
    ) -> None:
        super().__init__(",".join(part.category for part in parts), split)
        self.parts = list(parts)
        units = {part.unit for part in self.parts}
        self.unit = units.pop() if len(units) == 1 else ""
        self.items: list[tuple[int, int]] = []
        self.kinds: list[list[str]] = []
        known: set[str] = set()
        for number, part in enumerate(self.parts):
            every = list(part.defects)
            places = [at for at, kind in enumerate(every) if kind not in ("", "good")]
            kinds = [every[at] for at in places]
            known |= set(kinds)
            self.kinds.append(every)
            chosen = _chosen(kinds, split, part=part.category, seed=seed, unseen=unseen)
            self.items += [(number, places[at]) for at in chosen]
        if unseen and unseen not in known:
            there = ", ".join(sorted(known)) or "none"
            raise InputError(
                f"data.unseen={unseen}: no such kind of defect{hint(unseen, known)}; there are: "
                f"{there}"
            )
        if not self.items:
            raise InputError(
                f"data.task=supervised: no defective clouds of {self.category} for the {split} "
                "split, wanted several with labels"
            )

    @property
    def names(self) -> list[str]:
        """Return the clouds' names, ``part/name``, in the order of the parts."""
        every = [part.names for part in self.parts]
        return [f"{self.parts[part].category}/{every[part][at]}" for part, at in self.items]

    @property
    def defects(self) -> list[str]:
        """Return the kinds of defects, in the order of the names."""
        return [self.kinds[part][at] for part, at in self.items]

    @property
    def files(self) -> Sequence[Path]:
        """Return the clouds' files; empty where a part has none."""
        every = [part.files for part in self.parts]
        return [every[part][at] for part, at in self.items] if all(every) else []

    @property
    def notes(self) -> Sequence[str]:
        """Return the notes of the parts."""
        return [sentence for part in self.parts for sentence in part.notes]

    def __getitem__(self, index: int) -> Cloud:
        number, place = self.items[index]
        part = self.parts[number]
        return part[place].replace(name=f"{part.category}/{part.names[place]}")


def _chosen(kinds: Sequence[str], split: str, *, part: str, seed: int, unseen: str) -> list[int]:
    """Return which of the defective clouds of a part are in a split."""
    if unseen:
        return [at for at, kind in enumerate(kinds) if (kind == unseen) == (split == "test")]
    rng = np.random.default_rng([seed, zlib.crc32(part.encode())])
    test = set(draw_test(kinds, rng))
    return [at for at in range(len(kinds)) if (at in test) == (split == "test")]
