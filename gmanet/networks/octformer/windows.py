r"""Attention in windows of occupied voxels in Morton order: the leaves of an octree in turn.

A window holds the same number of voxels, whatever their shape; with a dilation it takes every
``dilation``-th voxel instead.  The logit of two voxels gets a learned number for each of the three
coordinates of their offset.  Windows are cut cloud by cloud, so that a cloud does not depend on its
company in a batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from gmanet.networks.sparse.voxels import Voxels

__all__ = ["Attention", "Windows"]

REACH = 0.8
"""Largest offset with a number of its own, over window size and root of the dilation."""

HIDDEN = -1e4
"""Logit of empty places of a window."""


class Windows:
    """The windows of the voxels of one level.

    Args:
        voxels: The occupied voxels.
        size: Number of voxels in a window.
        dilation: Largest dilation.
    """

    def __init__(self, voxels: Voxels, size: int, *, dilation: int) -> None:
        self.size = size
        block = size * dilation
        count = torch.bincount(voxels.cloud, minlength=voxels.clouds)
        room = (count + block - 1) // block * block
        order = voxels.z_order
        cloud = voxels.cloud[order]
        rank = torch.arange(len(order), device=order.device) - (count.cumsum(0) - count)[cloud]
        self.place = torch.empty_like(order)
        self.place[order] = (room.cumsum(0) - room)[cloud] + rank
        self.places = int(room.sum())
        self.voxels = voxels
        self.kept: dict[int, tuple[Tensor, Tensor]] = {}

    def split(self, x: Tensor, dilation: int) -> Tensor:
        """Return values in windows, with shape ``(W, size, C)``, zero at empty places.

        Args:
            x: Values of the voxels, with shape ``(N, C)``.
            dilation: Distance of neighbors in a window.
        """
        full = x.new_zeros(self.places, x.shape[1]).index_copy(0, self.place, x)
        full = full.view(-1, self.size, dilation, x.shape[1]).transpose(1, 2)
        return full.reshape(-1, self.size, x.shape[1])

    def merge(self, x: Tensor, dilation: int) -> Tensor:
        """Return the values of the voxels from those in windows, the inverse of :meth:`split`."""
        x = x.reshape(-1, dilation, self.size, x.shape[2]).transpose(1, 2)
        return x.reshape(self.places, -1)[self.place]

    def offsets(self, dilation: int) -> tuple[Tensor, Tensor]:
        """Return offsets of coordinates ``(W, size, size, 3)`` and empty places ``(W, size)``."""
        if dilation not in self.kept:
            coord = self.split(self.voxels.coord, dilation)
            filled = self.split(torch.ones_like(self.voxels.cloud[:, None]), dilation)
            offset = coord[:, :, None] - coord[:, None]
            self.kept[dilation] = offset, filled[:, :, 0] == 0
        return self.kept[dilation]


class Attention(nn.Module):
    """Attention within the windows.

    Args:
        channels: Channels.
        heads: Number of heads.
        size: Number of voxels in a window.
        dilation: Distance of neighbors in a window.
    """

    def __init__(self, channels: int, heads: int, *, size: int, dilation: int) -> None:
        super().__init__()
        self.heads, self.dilation = heads, dilation
        self.reach = int(REACH * size * dilation**0.5)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.table = nn.Parameter(torch.empty(3, 2 * self.reach + 1, heads))
        nn.init.trunc_normal_(self.table, std=0.02)

    def forward(self, x: Tensor, windows: Windows) -> Tensor:
        """Return features of the voxels, with shape ``(N, channels)``.

        Args:
            x: Features, with shape ``(N, channels)``.
            windows: The windows of the voxels.
        """
        offset, empty = windows.offsets(self.dilation)
        given = windows.split(self.query_key_value(x), self.dilation)
        query, key, value = given.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        place = offset.clamp(-self.reach, self.reach) + self.reach
        bias = sum((self.table[axis, place[..., axis]] for axis in range(3)), torch.zeros(()))
        bias = bias.masked_fill(empty[:, None, :, None], HIDDEN).permute(0, 3, 1, 2)
        found = scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        merged = windows.merge(found.transpose(1, 2).flatten(2), self.dilation)
        return self.out(merged)  # type: ignore[no-any-return]
