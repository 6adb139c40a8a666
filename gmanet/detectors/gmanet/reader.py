"""PyG records of a cloud's structure: all of it to score, or a few of its places.

Some centers are read to learn from, further points for a closer look where scores are high.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from gmanet.cloud import Cloud, Floats, Indices
from gmanet.detectors.gmanet.aligner import Alignment, Laid
from gmanet.detectors.gmanet.descriptors import Look, Structure, as_wide_as, closer, structure
from gmanet.detectors.gmanet.deviation import DEVIATION, deviation
from gmanet.registration.icp import Registration

__all__ = ["StructureReader", "StructuredCloud", "centers_of"]


class StructuredCloud(Data):
    """A cloud's ``descriptors.Structure`` that packs into one PyG batch."""

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return by how much a batch shifts the indices of the next cloud."""
        if key in ("groups", "beside", "near"):
            return len(self.points)
        if key == "center_near":
            return len(self.context)
        if key == "even":
            return len(self.wide)
        return super().__inc__(key, value, *args, **kwargs)


@dataclass(frozen=True)
class StructureReader:
    """Turn a cloud into a :class:`StructuredCloud`.

    Args:
        points: Points that are kept.
        centers: Places where the networks learn.
        survey: Places where they answer first.
        aligned: Whether the context ends with deviations from normal clouds.
        alignment: How these are measured; None: all are zero.
    """

    points: int
    centers: int
    survey: int
    aligned: bool = False
    alignment: Alignment | None = None

    def structure(self, cloud: Cloud, origin: str = "") -> Structure:
        """Return the structure to learn from.

        Args:
            cloud: The cloud.
            origin: Name of the normal train cloud that it is, or is the twin of.
        """
        return self._read(cloud, origin, self.centers)[0]

    def _read(self, cloud: Cloud, origin: str, centers: int) -> tuple[Structure, Laid | None]:
        """Return the structure, and where it lies on normal clouds if it can be laid on any."""
        workers = torch.get_num_threads()  # one in a data worker
        if self.alignment is None:
            made = structure(cloud.pos, self.points, centers, workers)
            return replace(made, context=self._unlaid(made.context)), None
        made, motion = self._both(cloud, origin, centers, workers)
        count, even = len(made.context), len(made.wide)
        laid = self.alignment.lay(cloud, made, motion, origin)
        values = self.alignment.distances(laid, slice(max(count, even)), workers)
        more = deviation(values[:count], values[:even], made.even, workers)
        return replace(made, context=np.concatenate([made.context, more], axis=1)), laid

    def _unlaid(self, context: Floats) -> Floats:
        """Return the context of a cloud that is compared with none."""
        more = np.zeros((len(context), DEVIATION * self.aligned), dtype=np.float32)
        return np.concatenate([context, more], axis=1)

    def _both(
        self, cloud: Cloud, origin: str, centers: int, workers: int
    ) -> tuple[Structure, Registration]:
        """Return a cloud's structure and how it is laid on the normal ones, side by side."""
        assert self.alignment is not None
        if workers == 1:
            motion = self.alignment.motion(cloud, origin)
            return structure(cloud.pos, self.points, centers), motion
        with ThreadPoolExecutor(1) as other:
            found = other.submit(self.alignment.motion, cloud, origin)
            return structure(cloud.pos, self.points, centers, workers), found.result()

    def __call__(self, cloud: Cloud, origin: str = "") -> StructuredCloud:
        """Return the record to score; ``origin`` as in :meth:`structure`."""
        made, laid = self._read(cloud, origin, self.survey)
        return StructuredCloud(**_tensors(made), laid=laid, num_nodes=len(cloud))

    def closer(self, record: StructuredCloud, index: Tensor) -> StructuredCloud:
        """Return a record of further kept points of a cloud.

        Their deviations from normal clouds are averaged over all kept points around them, those of
        centers over a fourth.

        Args:
            record: What this reader made of the cloud.
            index: Which of its kept points, with shape ``(Q,)``.
        """
        device = record.context.device
        arrays = {field.name: record[field.name].cpu().numpy() for field in fields(Structure)}
        look = self._look(record, Structure(**arrays), index.cpu().numpy())
        parts = {name: part.to(device) for name, part in _tensors(look).items()}
        return StructuredCloud(**parts, descriptor=record.descriptor)

    def _look(self, record: StructuredCloud, made: Structure, index: Indices) -> Look:
        workers = torch.get_num_threads()
        look = closer(made, index, workers)
        if self.alignment is None:
            return replace(look, context=self._unlaid(look.context))
        around = look.beside[:, : as_wide_as(look.even.shape[1], len(made.points))]
        needed = np.zeros(len(made.points), dtype=bool)
        needed[index] = needed[around] = True
        values = self.alignment.distances(record.laid, np.flatnonzero(needed), workers)
        number = np.cumsum(needed) - 1  # of each kept point among these
        more = deviation(values[number[index]], values, number[around], workers)
        return replace(look, context=np.concatenate([look.context, more], axis=1))


def _tensors(parts: Look) -> dict[str, Tensor]:
    """Return the arrays of a structure, or of a part of it, as tensors of the same memory."""
    return {name: torch.from_numpy(array) for name, array in vars(parts).items()}


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
