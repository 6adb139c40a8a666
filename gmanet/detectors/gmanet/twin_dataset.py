"""Structures of normal clouds and their twins, computed once; some twins are scanned again."""

from __future__ import annotations

import numpy as np
from torch.utils.data import Dataset

from gmanet.cloud import Cloud, Labels
from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.reader import StructureReader
from gmanet.detectors.gmanet.structures import Structure
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.rescans import draw_rescan, rescan
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import make_twin

__all__ = ["TwinDataset"]


class TwinDataset(Dataset[tuple[Structure, Labels] | None]):
    """Structures and center labels of the normal clouds, of the twins, and of rescanned originals.

    Twin ``i`` depends on ``(seed, i)`` alone, so that any worker may make it.  Some twins are
    scanned again (``synthesis.rescans``); their originals then follow, scanned under the same
    conditions, and None in the place of the other originals.
    """

    def __init__(
        self, normal: CloudDataset, reader: StructureReader, *, config: SynthesisConfig, seed: int
    ) -> None:
        self.normal, self.reader, self.seed = normal, reader, seed
        self.twins, self.rescans = config.twins, config.rescans
        self.generator = Generator(config)

    def __len__(self) -> int:
        return len(self.normal) + 2 * self.twins

    def __getitem__(self, index: int) -> tuple[Structure, Labels] | None:
        if index < len(self.normal):
            return self._described(self.normal[index], self.normal[index].name)
        original, index = divmod(index - len(self.normal), self.twins)
        rng = np.random.default_rng([self.seed, index, 1])
        again = rng.random() < self.rescans
        if original and not again:
            return None
        if original:
            cloud = shown = self.normal[index % len(self.normal)]
        else:
            cloud, shown = make_twin(self.generator, self.normal, index=index, seed=self.seed)
        if again:
            how = draw_rescan(rng)
            shown = rescan(shown, how, np.random.default_rng([self.seed, index, 2 + original]))
        return self._described(shown, cloud.name)

    def _described(self, cloud: Cloud, origin: str) -> tuple[Structure, Labels]:
        """Return the structure of a cloud, and the labels of its centers, with shape ``(M,)``."""
        made = self.reader.describe(cloud, origin).compact()
        label = np.zeros(len(cloud), dtype=bool) if cloud.label is None else cloud.label
        if cloud.name == origin:  # a normal cloud
            label = np.zeros(len(cloud), dtype=bool)
        return made, label[made.chosen[: len(made.context)]]
