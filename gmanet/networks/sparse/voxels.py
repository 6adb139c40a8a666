"""The occupied voxels of one or more clouds, and which of them a kernel relates.

A kernel map lists, for every offset of a kernel, the pairs of an occupied input voxel and an
occupied output voxel that are that far apart (Graham, Engelcke, van der Maaten, 3D Semantic
Segmentation with Submanifold Sparse Convolutional Networks, CVPR 2018).  Voxels have integer keys
to which an offset of the kernel is added as a constant, so that a map takes one sort of the keys
and one binary search for every offset.
"""

from __future__ import annotations

from functools import cached_property
from itertools import product

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

__all__ = ["KernelMap", "Voxels", "offsets"]

KernelMap = list[tuple[Tensor, Tensor]]
"""For every offset of a kernel the rows of the inputs and those of the outputs, ``(P,)`` each."""

BITS = 16
"""Largest number of bits of a coordinate."""


def offsets(size: int) -> list[tuple[int, int, int]]:
    """Return the offsets of a kernel in the order of its weights, the last axis fastest.

    Args:
        size: Edge of the kernel, odd; offsets are from ``-(size // 2)`` to ``size // 2``.
    """
    reach = range(-(size // 2), size // 2 + 1)
    return list(product(reach, reach, reach))


class Voxels:
    """Occupied voxels, each at most once in a cloud.

    Kernel maps and coarser voxels are computed when they are first asked for, and then kept.

    Args:
        coord: Coordinates from 0 in each cloud, with shape ``(N, 3)``, int64.
        cloud: Number of the cloud of each voxel, from 0, rising, with shape ``(N,)``.

    Raises:
        ValueError: A coordinate is negative or needs more than ``BITS`` bits.
    """

    def __init__(self, coord: Tensor, cloud: Tensor) -> None:
        if len(coord) and (int(coord.min()) < 0 or int(coord.max()) >= 2**BITS):
            raise ValueError(f"coordinates from {int(coord.min())} to {int(coord.max())}")
        self.coord, self.cloud = coord, cloud
        self.maps: dict[int, KernelMap] = {}

    @classmethod
    def of(cls, structure: Data | Voxels) -> Voxels:
        """Return the voxels of a record of one cloud, or of a batch of records.

        Args:
            structure: Record with the coordinates ``coord`` and ``num_nodes``; or voxels, which
                are returned as they are.
        """
        if isinstance(structure, Voxels):
            return structure
        coord = structure.coord
        several = isinstance(structure, Batch)
        return cls(coord, structure.batch if several else coord.new_zeros(len(coord)))

    def __len__(self) -> int:
        return len(self.coord)

    @cached_property
    def clouds(self) -> int:
        """Number of clouds."""
        return int(self.cloud.max()) + 1 if len(self) else 0

    @cached_property
    def sorted_keys(self) -> tuple[Tensor, Tensor]:
        """Keys in rising order, and the row of each, with shape ``(N,)`` each."""
        keys = self._keys(self.coord, self.cloud)
        return keys.sort()

    def neighbors(self, size: int) -> KernelMap:
        """Return the map of a submanifold convolution: inputs and outputs are the same voxels.

        Args:
            size: Edge of the kernel, odd.
        """
        if size not in self.maps:
            self.maps[size] = self._symmetric_map(size)
        return self.maps[size]

    @cached_property
    def coarser(self) -> Voxels:
        """The voxels of twice the edge that hold these, sorted by their keys."""
        return self._halved[0]

    @cached_property
    def children(self) -> KernelMap:
        """Map of a convolution with edge and stride 2: these voxels and their coarser ones."""
        parent = self._halved[1]
        octant = ((self.coord % 2) * self.coord.new_tensor([4, 2, 1])).sum(dim=1)
        rows = [torch.nonzero(octant == number).flatten() for number in range(8)]
        return [(row, parent[row]) for row in rows]

    @property
    def parent(self) -> Tensor:
        """Row of the coarser voxel of each voxel, with shape ``(N,)``."""
        return self._halved[1]

    @cached_property
    def around(self) -> KernelMap:
        """Map of a convolution with edge 3 and stride 2: centered on even coordinates."""
        coarser = self.coarser
        return self._map(3, 2 * coarser.coord, cloud=coarser.cloud)

    @cached_property
    def z_order(self) -> Tensor:
        """Rows cloud by cloud in Morton order: an octree's leaves in turn, with shape ``(N,)``."""
        code = self.cloud << (3 * BITS)
        for bit in range(BITS):
            for axis in range(3):
                code = code | ((self.coord[:, axis] >> bit & 1) << (3 * bit + 2 - axis))
        return code.argsort()

    @cached_property
    def _halved(self) -> tuple[Voxels, Tensor]:
        half = self.coord >> 1
        distinct, parent = torch.unique(self._keys(half, self.cloud), return_inverse=True)
        child = parent.new_zeros(len(distinct))
        child[parent] = torch.arange(len(parent), device=parent.device)
        return Voxels(half[child], self.cloud[child]), parent

    @cached_property
    def _extent(self) -> tuple[int, int, int]:
        """Edges of the box of all clouds with room for the reach of a kernel, in voxels."""
        largest = self.coord.amax(dim=0).tolist() if len(self) else [0, 0, 0]
        return largest[0] + 4, largest[1] + 4, largest[2] + 4

    def _keys(self, coord: Tensor, cloud: Tensor) -> Tensor:
        x, y, z = self._extent
        key = cloud * x + coord[:, 0]
        return (key * y + coord[:, 1]) * z + coord[:, 2]

    def _symmetric_map(self, size: int) -> KernelMap:
        """Return the map of these voxels to themselves.

        The pairs of an offset are those of the opposite one the other way round, so that half of
        the offsets are looked up.
        """
        half = self._map(size, self.coord, cloud=self.cloud, count=size**3 // 2)
        every = torch.arange(len(self), device=self.coord.device)
        return [*half, (every, every), *((target, source) for source, target in reversed(half))]

    def _map(
        self, size: int, center: Tensor, *, cloud: Tensor, count: int | None = None
    ) -> KernelMap:
        """Return the pairs of these voxels and of centers for the first offsets of a kernel.

        Beyond the box there is room for a reach of 3, so that no key of an empty place is that of
        a voxel in the next row, layer or cloud.
        """
        if size // 2 > 3:
            raise ValueError(f"a kernel of {size}, wanted at most 7")
        keys, order = self.sorted_keys
        middle = self._keys(center, cloud)
        _, y, z = self._extent
        found: KernelMap = []
        for i, j, k in offsets(size)[:count]:
            wanted = middle + ((i * y + j) * z + k)
            place = torch.searchsorted(keys, wanted).clamp(max=max(0, len(keys) - 1))
            hit = torch.nonzero(keys[place] == wanted).flatten()
            found.append((order[place[hit]], hit))
        return found
