"""PyG records of a cloud's structure: all of it to score, or a few of its centers to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch_geometric.data import Data

from gmanet.cloud import Cloud, Indices
from gmanet.data.alignment import Alignment
from gmanet.geometry.deviation import DEVIATION
from gmanet.geometry.structure import Structure, structure
from gmanet.preprocess.registration import Registration

__all__ = ["StructureReader", "StructuredCloud", "centers_of"]


class StructuredCloud(Data):
    """A cloud's structure (``geometry.structure.Structure``) that packs into one PyG batch."""

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return by how much a batch shifts the indices of the next cloud."""
        if key == "groups":
            return len(self.points)
        if key in ("near", "around"):
            return len(self.context)
        return super().__inc__(key, value, *args, **kwargs)


@dataclass(frozen=True)
class StructureReader:
    """Turn a cloud into a :class:`StructuredCloud`.

    Args:
        points: Points that are kept.
        centers: Places where the networks answer.
        smoothing: Neighboring centers whose scores are averaged.
        aligned: Whether the context ends with deviations from normal clouds.
        alignment: How these are measured; None: all are zero.
    """

    points: int
    centers: int
    smoothing: int
    aligned: bool = False
    alignment: Alignment | None = None

    def structure(self, cloud: Cloud, origin: str = "") -> Structure:
        """Return the structure alone.

        Args:
            cloud: The cloud.
            origin: Name of the normal train cloud that it is, or is the twin of.
        """
        workers = torch.get_num_threads()  # one in a data worker
        if self.alignment is None:
            sizes = (self.points, self.centers, self.smoothing)
            made = structure(cloud.pos, *sizes, workers)
            more = np.zeros((len(made.context), DEVIATION * self.aligned), dtype=np.float32)
        else:
            made, motion = self._both(cloud, origin, workers)
            more = self.alignment.deviation(cloud, made, motion, origin, workers)
        return replace(made, context=np.concatenate([made.context, more], axis=1))

    def _both(self, cloud: Cloud, origin: str, workers: int) -> tuple[Structure, Registration]:
        """Return a cloud's structure and how it is laid on the normal ones, side by side."""
        assert self.alignment is not None
        sizes = (self.points, self.centers, self.smoothing)
        if workers == 1:
            motion = self.alignment.motion(cloud, origin)
            return structure(cloud.pos, *sizes), motion
        with ThreadPoolExecutor(1) as other:
            found = other.submit(self.alignment.motion, cloud, origin)
            return structure(cloud.pos, *sizes, workers), found.result()

    def __call__(self, cloud: Cloud, origin: str = "") -> StructuredCloud:
        """Return the record to score; ``origin`` as in :meth:`structure`."""
        made = self.structure(cloud, origin)
        return StructuredCloud(
            points=torch.from_numpy(made.points),
            descriptor=torch.from_numpy(made.descriptor),
            groups=torch.from_numpy(made.groups),
            local=torch.from_numpy(made.local),
            context=torch.from_numpy(made.context),
            around=torch.from_numpy(made.around),
            near=torch.from_numpy(made.near),
            weight=torch.from_numpy(made.weight),
            num_nodes=len(cloud),
        )


def centers_of(drawn: Sequence[tuple[Structure, Indices, bool]]) -> Data:
    """Return what the networks read at some centers.

    Args:
        drawn: Structures, the places of centers in each, and whether these are all abnormal or all
            normal.
    """
    descriptor = [made.descriptor[made.groups[index]] for made, index, _ in drawn]
    local = [made.local[index] for made, index, _ in drawn]
    context = [made.context[index] for made, index, _ in drawn]
    abnormal = np.repeat([one for *_, one in drawn], [len(index) for _, index, _ in drawn])
    parts = (descriptor, local, context)
    joined = (torch.from_numpy(np.concatenate(part)) for part in parts)
    record = dict(zip(("descriptor", "local", "context"), joined, strict=True))
    return Data(**record, abnormal=torch.from_numpy(abnormal), num_nodes=len(abnormal))
