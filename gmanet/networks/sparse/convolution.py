r"""Layers over occupied voxels: submanifold, strided, inverse and depth-wise convolutions.

With a kernel map of pairs :math:`(j, i)` for every offset :math:`o`, a convolution is

.. math:: y_i = b + \sum_o \sum_{(j, i)} x_j W_o,

one gather, one product of matrices and one scattered sum for every offset.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gmanet.networks.sparse.voxels import KernelMap, Voxels

__all__ = [
    "DepthwiseConv",
    "DownConv",
    "SubmanifoldConv",
    "UpConv",
    "convolve",
    "reverse",
]


def convolve(x: Tensor, weight: Tensor, *, pairs: KernelMap, count: int) -> Tensor:
    """Return the convolution of features, with shape ``(M, C')``.

    Args:
        x: Features of the inputs, with shape ``(N, C)``.
        weight: Weights of every offset, with shape ``(K, C, C')``, or ``(K, 1, C)`` for a
            convolution of every channel by itself.
        pairs: Rows of the inputs and of the outputs for every offset.
        count: Number of outputs ``M``.
    """
    alone = weight.shape[1] == 1 < x.shape[1]
    out: Tensor | None = None
    for matrix, (source, target) in zip(weight, pairs, strict=True):
        if len(source) == 0:
            continue
        part = x[source] * matrix if alone else x[source] @ matrix
        if out is None:
            out = part.new_zeros(count, weight.shape[2])
        out.index_add_(0, target, part)
    return x.new_zeros(count, weight.shape[2]) if out is None else out


def reverse(pairs: KernelMap) -> KernelMap:
    """Return the map from the outputs back to the inputs."""
    return [(target, source) for source, target in pairs]


class _Kernel(nn.Module):
    """The weights of a kernel, drawn as PyTorch draws those of a dense convolution."""

    def __init__(self, channels: int, out: int, *, offsets: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(offsets, channels, out))
        self.bias = nn.Parameter(torch.zeros(out)) if bias else None
        bound = 1 / math.sqrt(channels * offsets)
        nn.init.uniform_(self.weight, -bound, bound)

    def _apply_map(self, x: Tensor, pairs: KernelMap, *, count: int) -> Tensor:
        out = convolve(x, self.weight, pairs=pairs, count=count)
        return out if self.bias is None else out + self.bias


class SubmanifoldConv(_Kernel):
    """Convolution with stride 1 whose outputs are at the occupied voxels.

    Args:
        channels: Input channels.
        out: Output channels.
        size: Edge of the kernel, odd.
        bias: Whether there is a bias.
    """

    def __init__(self, channels: int, out: int, *, size: int = 3, bias: bool = False) -> None:
        super().__init__(channels, out, offsets=size**3, bias=bias)
        self.size = size

    def forward(self, x: Tensor, voxels: Voxels) -> Tensor:
        """Return features of the same voxels, with shape ``(N, out)``.

        Args:
            x: Features, with shape ``(N, channels)``.
            voxels: The occupied voxels.
        """
        return self._apply_map(x, voxels.neighbors(self.size), count=len(voxels))


class DepthwiseConv(_Kernel):
    """Submanifold convolution of every channel by itself.

    Args:
        channels: Channels.
        size: Edge of the kernel, odd.
    """

    def __init__(self, channels: int, *, size: int = 3) -> None:
        super().__init__(1, channels, offsets=size**3)
        self.size = size

    def forward(self, x: Tensor, voxels: Voxels) -> Tensor:
        """Return features of the same voxels, with shape ``(N, channels)``; see above."""
        return self._apply_map(x, voxels.neighbors(self.size), count=len(voxels))


class DownConv(_Kernel):
    """Convolution with edge and stride 2, from voxels to the coarser ones.

    Args:
        channels: Input channels.
        out: Output channels.
        bias: Whether there is a bias.
    """

    def __init__(self, channels: int, out: int, *, bias: bool = False) -> None:
        super().__init__(channels, out, offsets=8, bias=bias)

    def forward(self, x: Tensor, voxels: Voxels) -> Tensor:
        """Return features of the coarser voxels, with shape ``(M, out)``.

        Args:
            x: Features of the finer voxels, with shape ``(N, channels)``.
            voxels: The finer voxels.
        """
        return self._apply_map(x, voxels.children, count=len(voxels.coarser))


class UpConv(_Kernel):
    """Inverse of a convolution with stride 2: from coarser voxels to the finer ones.

    Args:
        channels: Input channels.
        out: Output channels.
        size: Edge of the kernel: 2, where each finer voxel has one coarser one, or 3.
    """

    def __init__(self, channels: int, out: int, *, size: int = 2) -> None:
        super().__init__(channels, out, offsets=size**3)
        self.size = size

    def forward(self, x: Tensor, voxels: Voxels) -> Tensor:
        """Return features of the finer voxels, with shape ``(N, out)``.

        Args:
            x: Features of the coarser voxels, with shape ``(M, channels)``.
            voxels: The finer voxels.
        """
        pairs = voxels.children if self.size == 2 else voxels.around
        return self._apply_map(x, reverse(pairs), count=len(voxels))
