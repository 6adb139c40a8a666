"""Readers: functions from a cloud to its structure, as a record to score or to train on."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gmanet.cloud import Cloud, Floats, Indices
from gmanet.detectors.frameworks import Data
from gmanet.detectors.gmanet.aligner import AlignedPoints, Aligner
from gmanet.detectors.gmanet.descriptors import describe, describe_at
from gmanet.detectors.gmanet.deviation import DEVIATION, deviation
from gmanet.detectors.gmanet.scale import Scale
from gmanet.detectors.gmanet.structures import Query, Structure
from gmanet.registration.icp import Registration

__all__ = ["StructureReader", "StructuredCloud", "gather_centers"]


class StructuredCloud(Data):
    """A record of a cloud's structure (``descriptors.Structure``) that PyG can batch."""

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the number that a batch adds to the indices of the next cloud."""
        if key in ("groups", "neighbors", "near"):
            return len(self.points)
        if key == "center_near":
            return len(self.context)
        if key == "coarse_neighbors":
            return len(self.coarse)
        return super().__inc__(key, value, *args, **kwargs)


@dataclass(frozen=True, kw_only=True)
class StructureReader:
    """A function from a cloud to its :class:`StructuredCloud`.

    Args:
        points: Size of the subsample.
        centers: Number of centers for training.
        coarse_queries: Number of centers for scoring, before any fine queries.
        scale: Sizes of neighborhoods.
        aligned: Whether the context ends with deviations from the normal clouds.
        aligner: Alignment that measures the deviations; without it all deviations are zero.
    """

    points: int
    centers: int
    coarse_queries: int
    scale: Scale
    aligned: bool = False
    aligner: Aligner | None = None

    def describe(self, cloud: Cloud, origin: str = "") -> Structure:
        """Return the structure for training.

        Args:
            cloud: The cloud.
            origin: Name of the normal train cloud that is this cloud or the original of this twin.
        """
        return self._read(cloud, origin, centers=self.centers, few=True)[0]

    def _read(
        self, cloud: Cloud, origin: str, *, centers: int, few: bool = False
    ) -> tuple[Structure, AlignedPoints | None]:
        """Return the structure, and the aligned points if there is an aligner."""
        workers = torch.get_num_threads()  # one in a data worker
        if self.aligner is None:
            structure = self._describe(cloud, centers=centers, workers=workers)
            return replace(structure, context=self._without_deviation(structure.context)), None
        structure, registration = self._describe_and_register(
            cloud, origin, centers=centers, workers=workers
        )
        count, coarse = len(structure.context), len(structure.coarse)
        aligned = self.aligner.align(
            cloud, structure, registration=registration, origin=origin, few=few
        )
        values = self.aligner.distances(aligned, slice(max(count, coarse)), workers=workers)
        more = deviation(
            values[:count],
            values[:coarse],
            neighbors=structure.coarse_neighbors,
            workers=workers,
        )
        context = np.concatenate([structure.context, more], axis=1)
        return replace(structure, context=context), aligned

    def _describe(self, cloud: Cloud, *, centers: int, workers: int) -> Structure:
        return describe(cloud.pos, self.points, centers=centers, scale=self.scale, workers=workers)

    def _without_deviation(self, context: Floats) -> Floats:
        """Return the context with zeros instead of deviations."""
        more = np.zeros((len(context), DEVIATION * self.aligned), dtype=np.float32)
        return np.concatenate([context, more], axis=1)

    def _describe_and_register(
        self, cloud: Cloud, origin: str, *, centers: int, workers: int
    ) -> tuple[Structure, Registration]:
        """Return a cloud's structure and its registration, computed at the same time."""
        assert self.aligner is not None
        if workers == 1:
            registration = self.aligner.register(cloud, origin)
            return self._describe(cloud, centers=centers, workers=1), registration
        with ThreadPoolExecutor(1) as thread:
            found = thread.submit(self.aligner.register, cloud, origin)
            return self._describe(cloud, centers=centers, workers=workers), found.result()

    def __call__(self, cloud: Cloud, origin: str = "") -> StructuredCloud:
        """Return the record to score; ``origin`` as in :meth:`describe`."""
        structure, aligned = self._read(cloud, origin, centers=self.coarse_queries)
        return StructuredCloud(**_tensors(structure), aligned=aligned, num_nodes=len(cloud))

    def describe_at(self, record: StructuredCloud, index: Tensor) -> StructuredCloud:
        """Return a record of the inputs at further points of a cloud's subsample.

        Deviations of these points are averaged over all neighbors in the subsample; deviations of
        centers over coarse points, a quarter of the subsample.

        Args:
            record: This reader's record of the cloud.
            index: The queries' indices in the subsample, with shape ``(Q,)``.
        """
        device = record.context.device
        arrays = {field.name: record[field.name].cpu().numpy() for field in fields(Structure)}
        query = self._query(record, Structure(**arrays), index=index.cpu().numpy())
        parts = {name: part.to(device) for name, part in _tensors(query).items()}
        return StructuredCloud(**parts, descriptor=record.descriptor)

    def _query(self, record: StructuredCloud, structure: Structure, *, index: Indices) -> Query:
        workers = torch.get_num_threads()
        query = describe_at(structure, index, scale=self.scale, workers=workers)
        if self.aligner is None:
            return replace(query, context=self._without_deviation(query.context))
        count = self.scale.support_of(query.coarse_neighbors.shape[1])
        neighbors = query.neighbors[:, :count]
        needed = np.zeros(len(structure.points), dtype=bool)
        needed[index] = needed[neighbors] = True
        values = self.aligner.distances(record.aligned, np.flatnonzero(needed), workers=workers)
        row = np.cumsum(needed) - 1  # index of each needed point in ``values``
        more = deviation(values[row[index]], values, neighbors=row[neighbors], workers=workers)
        return replace(query, context=np.concatenate([query.context, more], axis=1))


def _tensors(parts: Query) -> dict[str, Tensor]:
    """Return the arrays of a structure or a query as tensors that share their memory."""
    return {name: torch.from_numpy(array) for name, array in vars(parts).items()}


def gather_centers(drawn: Sequence[tuple[Structure, Indices, bool]]) -> Data:
    """Return the networks' inputs at some centers of several structures.

    Args:
        drawn: Structures, indices of the sampled centers in each, and whether these centers are
            abnormal.

    Returns:
        ``descriptor (M, K, C)``, ``local (M, K, 6)``, ``context (M, D)`` and ``abnormal (M,)``.
    """
    descriptor = [each.descriptor[each.groups[index]] for each, index, _ in drawn]
    local = [each.local[index] for each, index, _ in drawn]
    context = [each.context[index] for each, index, _ in drawn]
    abnormal = np.repeat([label for *_, label in drawn], [len(index) for _, index, _ in drawn])
    parts = (descriptor, local, context)
    joined = (torch.from_numpy(np.concatenate(part)) for part in parts)
    record = dict(zip(("descriptor", "local", "context"), joined, strict=True))
    return Data(**record, abnormal=torch.from_numpy(abnormal), num_nodes=len(abnormal))
