"""A memory bank of GMANet's inputs: a control that shows what GMANet's networks add to them.

The descriptors around a center, the same that GMANet reads, are standardized on normal clouds; a
center scores its distance to the nearest normal descriptors.  With 5 % of the rows and the object
rule ``top`` this is Simple3D on GMANet's descriptors, with 10,000 rows and the rule ``max`` it is
PatchCore (``conf/detector/simple3d_contexts.yaml``, ``patchcore_contexts.yaml``).  Point scores are
interpolated from the scores of queries as in GMANet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.alignment import Atlas
from gmanet.detectors.gmanet.coarse_to_fine import coarse_to_fine
from gmanet.detectors.gmanet.config import ContextBankConfig
from gmanet.detectors.gmanet.context_layout import channels
from gmanet.detectors.gmanet.descriptors import CONTEXT
from gmanet.detectors.gmanet.deviation import DEVIATION
from gmanet.detectors.gmanet.held_out import HeldOutReader
from gmanet.detectors.gmanet.reader import StructuredCloud, StructureReader
from gmanet.detectors.gmanet.scale import StoredScale
from gmanet.detectors.gmanet.standardizer import OUTLIER, Standardizer
from gmanet.detectors.memory_bank import MemoryDetector

if TYPE_CHECKING:
    from torch_geometric.data import Data

__all__ = ["ContextBank", "ContextReader"]


@dataclass(frozen=True)
class ContextReader:
    """A function from a cloud to its structure; train clouds are not compared with themselves.

    Args:
        structure: GMANet's reader.
    """

    structure: StructureReader

    def __call__(self, cloud: Cloud) -> StructuredCloud:
        """Return the record to score."""
        return self.structure(cloud)

    def of_train(self, cloud: Cloud) -> StructuredCloud:
        """Return the record to fit on."""
        return replace(self.structure, coarse_queries=self.structure.centers)(cloud, cloud.name)


class ContextBank(MemoryDetector):
    """The distance to the nearest normal context, at every query."""

    Config = ContextBankConfig
    config: ContextBankConfig
    stages: ClassVar[Mapping[str, str]] = {
        "detectors.gmanet.alignment": "model",
        "detectors.gmanet.standardizer": "model",
    }

    def __init__(self, config: ContextBankConfig) -> None:
        super().__init__(config)
        self.atlas = Atlas() if config.align else None
        self.sizes = StoredScale()
        self.channels = channels(config.without, CONTEXT + DEVIATION * config.align)
        self.standard = Standardizer(len(self.channels))

    def prepare(self, clouds: CloudDataset) -> None:
        """Register the normal clouds on the first of them, or on the stored reference."""
        self.sizes.fit(clouds, self.config.points)
        if self.atlas is not None:
            self.atlas.prepare(clouds)

    def reader(self) -> ContextReader:
        """Return the function from a cloud to its structure."""
        config, atlas = self.config, self.atlas
        aligner = None if atlas is None else atlas.aligner
        return ContextReader(
            StructureReader(
                points=config.points,
                centers=config.centers,
                coarse_queries=config.coarse_queries,
                scale=self.sizes.scale,
                aligned=atlas is not None,
                aligner=aligner,
            )
        )

    def held_out_reader(self) -> HeldOutReader:
        """Return the reader of normal clouds without their own surfaces."""
        return HeldOutReader(self.reader().structure)

    def features(self, cloud: Data) -> dict[str, Tensor]:
        """Return the bank's features of a cloud in the order of sampling, ``(M, C)``."""
        return {"feature": cloud.context[:, self.channels]}

    def bank_rows(self, held: int) -> int:
        """Return the number of rows in a bank that is made of a pool of ``held`` rows."""
        return min(self.config.bank_size, max(1, round(self.config.share * held)))

    def _gather(self) -> None:
        """Join the pools of all processes, and standardize the features."""
        super()._gather()
        self.standard.fit(torch.cat([self.seen[name]["feature"] for name in sorted(self.seen)]))
        for seen in self.seen.values():
            seen["feature"] = self._standard(seen["feature"])

    def _standard(self, values: Tensor) -> Tensor:
        return self.standard(values).clamp(-OUTLIER, OUTLIER)  # type: ignore[no-any-return]

    def point_scores(self, record: StructuredCloud) -> Tensor:
        """Return interpolated scores of all points of a cloud, with shape ``(N,)``."""
        return coarse_to_fine(
            record,
            self.reader().structure,
            score_queries=self._distances,
            fine_queries=self.config.fine_queries,
            smoothing=self.config.smoothing,
        )

    def _distances(self, queries: StructuredCloud) -> Tensor:
        """Return the distance of each query of a record from the bank, with shape ``(M,)``."""
        return self.bank_score("feature", self._standard(queries.context[:, self.channels]))
