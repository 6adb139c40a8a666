r"""Iterative masked reconstruction (IMRNet [Li et al., CVPR 2024]) on Point-MAE's networks.

The patches of a cloud are partitioned into sets; each set in turn is masked and predicted from all
other patches, so that every patch is predicted once while it is masked.  The predicted patches are
partitioned anew and predicted again, so that defects disappear step by step: normal clouds do not
have them.
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
"""Number of nearest reconstructed points to which a plane is fitted."""


def mask_partition(count: int, mask: float, *, rng: np.random.Generator) -> list[Indices]:
    """Return a random partition of patches into sets of about equal size, as arrays of indices.

    Args:
        count: Number of patches.
        mask: Largest share of the patches in one set, up to rounding; there are
            ``ceil(1 / mask)`` sets, at most ``count``.
        rng: Random generator.
    """
    return np.array_split(rng.permutation(count), min(count, ceil(1 / mask)))


class Reconstructor(nn.Module):
    """A masked autoencoder, which predicts masked patches from visible ones.

    Args:
        width: Number of channels of a token.
        depth: Number of transformer blocks of the encoder; the decoder has a third of this number.
        heads: Number of attention heads.
        mask: Share of the patches that are masked.
    """

    size: Tensor

    def __init__(self, width: int, depth: int, *, heads: int, mask: float) -> None:
        super().__init__()
        self.mask = mask
        self.encoder = PointEncoder("pointmae", width, depth=depth, heads=heads)
        self.decoder = Decoder(width, max(1, depth // 3), heads=heads)
        self.register_buffer("size", torch.ones(()))

    def fit_size(self, patches: list[Tensor]) -> None:
        """Set the unit of predictions to the root mean square of the patches' coordinates.

        Args:
            patches: Patches of each cloud, relative to their centers, each ``(M, K, 3)``.
        """
        square = torch.cat([part.flatten() for part in patches]).square().mean()
        self.size.copy_(square.sqrt() + 1e-12)

    def loss(self, patches: Tensor, centers: Tensor, *, order: Indices) -> Tensor:
        """Return the Chamfer distance of the predicted and the true patches, a scalar.

        Args:
            patches: Points relative to the center of their patch, with shape ``(M, K, 3)``.
            centers: Centers of the patches, with shape ``(M, 3)``.
            order: A permutation of the patches; the last of them, a share of ``mask``, are masked.
        """
        count = len(order)
        seen = min(count - 1, max(1, round((1 - self.mask) * count)))
        index = torch.from_numpy(order).to(patches.device)
        patches, centers = patches[index] / self.size, centers[index]
        tokens = self.encoder.embed(patches[:seen])
        predicted = self._predict(tokens, centers[:seen], hidden=centers[seen:])
        return chamfer(predicted, patches[seen:])

    def _predict(self, tokens: Tensor, visible: Tensor, *, hidden: Tensor) -> Tensor:
        """Return the predicted masked patches, ``(H, TARGET, 3)``, in units of ``size``."""
        seen = self.encoder.layers(tokens[None], visible[None])[-1]
        predicted: Tensor = self.decoder(seen, torch.cat([visible, hidden])[None])
        return predicted[0]

    def forward(self, patches: Tensor, centers: Tensor, iterations: int, seed: int) -> Tensor:
        """Return all patches, predicted after some iterations, with shape ``(M, TARGET, 3)``.

        Args:
            patches: Points relative to the center of their patch, with shape ``(M, K, 3)``; ``M``
                is at least 2.
            centers: Centers of the patches, with shape ``(M, 3)``.
            iterations: Number of predictions, at least 1, each of the previous one.
            seed: Seed of the partitions.
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
        """Return the encoder's features with all patches visible, ``(M, 3 * width)``."""
        tokens = self.encoder.embed(patches / self.size)
        return torch.cat(self.encoder.layers(tokens[None], centers[None]), dim=2)[0]


def surface_distance(points: Tensor, surface: Tensor) -> Tensor:
    """Return the distances of points to planes through the nearest points of a surface, ``(N,)``.

    Both may be on any device; the computation runs on the CPU.

    Args:
        points: Query points, with shape ``(N, 3)``.
        surface: Points of the surface, with shape ``(S, 3)``.
    """
    query, rows = points.cpu().numpy(), surface.float().cpu().numpy()
    near = nearest(rows, query, count=PLANE)[1]
    normal = principal_axes(rows, query, neighbors=near)[1][:, :, 0]
    offset = rows[near].mean(axis=1) - query
    distance = np.abs(np.einsum("nc,nc->n", offset, normal))
    return torch.from_numpy(distance).to(points)
