r"""Iterative masked reconstruction (IMRNet [Li et al., CVPR 2024]) on Point-MAE's networks.

The patches of a cloud are parted into sets; each set in turn is hidden and predicted from all
others, so that every patch is predicted once without being seen.  The predicted patches are parted
anew and predicted again: what normal clouds do not have disappears, step by step.
"""

from __future__ import annotations

from math import ceil

import numpy as np
import torch
from torch import Tensor, nn

from gmanet.cloud import Indices
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.pca import principal_axes
from gmanet.networks.pointmae.encoder import PointEncoder
from gmanet.networks.pointmae.pretraining import TARGET, Decoder, chamfer

__all__ = ["Reconstructor", "mask_partition", "surface_distance"]

PLANE = 12
"""Reconstructed points that tell the plane near a point."""


def mask_partition(count: int, mask: float, *, rng: np.random.Generator) -> list[Indices]:
    """Return disjoint sets of about equal size that hold each of ``count`` patches once.

    There are ``ceil(1 / mask)`` of them (or ``count``), the fewest with no more than the share
    ``mask`` in each, up to rounding.
    """
    return np.array_split(rng.permutation(count), min(count, ceil(1 / mask)))


class Reconstructor(nn.Module):
    """Tells hidden patches from visible ones.

    Args:
        width: Channels of a token.
        depth: Transformer blocks of the encoder; the decoder has a third of them.
        heads: Attention heads.
        mask: Share of the patches that are hidden.
    """

    size: Tensor

    def __init__(self, width: int, depth: int, *, heads: int, mask: float) -> None:
        super().__init__()
        self.mask = mask
        self.encoder = PointEncoder("pointmae", width, depth=depth, heads=heads)
        self.decoder = Decoder(width, max(1, depth // 3), heads=heads)
        self.register_buffer("size", torch.ones(()))

    def fit_size(self, patches: list[Tensor]) -> None:
        """Make the root mean square coordinate of patches the unit in which they are predicted."""
        square = torch.cat([part.flatten() for part in patches]).square().mean()
        self.size.copy_(square.sqrt() + 1e-12)

    def loss(self, patches: Tensor, centers: Tensor, *, order: Indices) -> Tensor:
        """Return the Chamfer distance of the predicted and the true patches, a scalar.

        Args:
            patches: Points less their center, with shape ``(M, K, 3)``.
            centers: With shape ``(M, 3)``.
            order: A permutation of the patches; the last ``mask`` of them are hidden.
        """
        count = len(order)
        seen = min(count - 1, max(1, round((1 - self.mask) * count)))
        index = torch.from_numpy(order).to(patches.device)
        patches, centers = patches[index] / self.size, centers[index]
        tokens = self.encoder.embed(patches[:seen])
        predicted = self._predict(tokens, centers[:seen], hidden=centers[seen:])
        return chamfer(predicted, patches[seen:])

    def _predict(self, tokens: Tensor, visible: Tensor, *, hidden: Tensor) -> Tensor:
        """Return the hidden patches, ``(H, TARGET, 3)``, in units of ``size``."""
        seen = self.encoder.layers(tokens[None], visible[None])[-1]
        predicted: Tensor = self.decoder(seen, torch.cat([visible, hidden])[None])
        return predicted[0]

    def forward(self, patches: Tensor, centers: Tensor, iterations: int, seed: int) -> Tensor:
        """Return every patch as predicted after some iterations, with shape ``(M, TARGET, 3)``.

        Args:
            patches: Points less their center, with shape ``(M, K, 3)``, ``M`` at least 2.
            centers: With shape ``(M, 3)``.
            iterations: How often the answer becomes the input, at least 1.
            seed: Decides the partitions; nothing else does.
        """
        rng = np.random.default_rng(seed)
        for _ in range(iterations):
            tokens = self.encoder.embed(patches / self.size)
            predicted = tokens.new_empty(len(centers), TARGET, 3)
            for part in mask_partition(len(centers), self.mask, rng=rng):
                hidden = torch.from_numpy(part).to(centers.device)
                visible = torch.ones(len(centers), dtype=torch.bool, device=centers.device)
                visible[hidden] = False
                predicted[hidden] = self._predict(
                    tokens[visible], centers[visible], hidden=centers[hidden]
                )
            patches = predicted * self.size
        return patches

    def features(self, patches: Tensor, centers: Tensor) -> Tensor:
        """Return the encoder's features where all patches are visible, ``(M, 3 * width)``."""
        tokens = self.encoder.embed(patches / self.size)
        return torch.cat(self.encoder.layers(tokens[None], centers[None]), dim=2)[0]


def surface_distance(points: Tensor, surface: Tensor) -> Tensor:
    """Return how far points lie from the plane of the nearest points of a surface, ``(N,)``.

    Args:
        points: With shape ``(N, 3)``.
        surface: With shape ``(S, 3)``; clouds of any device are measured on the processor.
    """
    query, rows = points.cpu().numpy(), surface.float().cpu().numpy()
    near = nearest(rows, query, count=PLANE)[1]
    normal = principal_axes(rows, query, neighbors=near)[1][:, :, 0]
    offset = rows[near].mean(axis=1) - query
    distance = np.abs(np.einsum("nc,nc->n", offset, normal))
    return torch.from_numpy(distance).to(points)
