r"""The local encoder: one set abstraction over local frames, and a head.

The paper's backbone, PointNet++, is in :mod:`gmanet.networks.pointnet2` and belongs to
``detector=gmanet_paper``; this one has no hierarchy of levels and no feature propagation.  The set
abstraction (Qi et al. 2017) reads, for every neighbor :math:`j` of a center :math:`i`, the
descriptor :math:`x_j` and the position of :math:`j` in the local frame of :math:`i`, and takes the
maximum of a shared MLP over the neighbors.  The context is concatenated: the descriptors' mean and
spread over wider neighborhoods, and coarse histograms.  Coordinates enter through local frames
only, so that the features do not change when the part moves.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

__all__ = ["LOCAL", "Committee", "LocalEncoder", "LocalFrameConv", "mlp"]

BLOCK = 256
"""Number of centers in a block when scoring: the quickest of 32 to 256 on two cores."""

LOCAL = 6
"""Channels of a neighbor's position and normal in the center's local frame."""


def mlp(*channels: int) -> nn.Sequential:
    """Return linear layers with a ReLU between them."""
    layers: list[nn.Module] = []
    for wide, narrow in pairwise(channels):
        layers += [nn.Linear(wide, narrow), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class LocalFrameConv(nn.Module):
    """The set abstraction of PyG's ``PointNetConv`` with positions in the center's local frame.

    All centers have the same number of neighbors, so that there is no message passing over edges,
    which takes several times as long; the tests compare both.

    Args:
        local_nn: The shared MLP.
    """

    def __init__(self, local_nn: nn.Module) -> None:
        super().__init__()
        self.local_nn = local_nn

    def dense(self, x: Tensor, local: Tensor) -> Tensor:
        """Return one feature per center, with shape ``(M, C')``.

        Args:
            x: Descriptors of the neighbors, with shape ``(M, K, C)``.
            local: Their positions in the centers' frames, with shape ``(M, K, 6)``.
        """
        return self.local_nn(torch.cat([x, local], dim=2)).amax(dim=1)  # type: ignore[no-any-return]

    @torch.no_grad()
    def sparse(self, x: Tensor, groups: Tensor, local: Tensor) -> Tensor:
        """Return what :meth:`dense` does of ``x[groups]`` in a third of the time, to score.

        The MLP has two layers.  The first is linear in descriptor and position, so that descriptors
        are multiplied once for every point and not once for every neighborhood of the point.  All
        blocks use the same memory.

        Args:
            x: Descriptors of the points, with shape ``(P, C)``.
            groups: Neighbors of each center, with shape ``(M, K)``.
            local: Their positions in the center's frame, with shape ``(M, K, 6)``.
        """
        assert isinstance(self.local_nn, nn.Sequential)
        first, _, last = self.local_nn
        assert isinstance(first, nn.Linear)
        assert isinstance(last, nn.Linear)
        lifted = linear(x, first.weight[:, :-LOCAL], first.bias)
        position, position_weight, weight, bias = (  # in half precision under autocast
            part.to(lifted.dtype)
            for part in (local, first.weight[:, -LOCAL:].t(), last.weight.t(), last.bias)
        )
        centers, neighbors = groups.shape
        rows = min(BLOCK, centers) * neighbors
        hidden = lifted.new_empty(rows, first.out_features)
        output = lifted.new_empty(rows, last.out_features)
        features = lifted.new_empty(centers, last.out_features)
        for start in range(0, centers, BLOCK):
            block = slice(start, start + BLOCK)
            group = groups[block].flatten()
            some, outputs = hidden[: len(group)], output[: len(group)]
            torch.index_select(lifted, 0, group, out=some)
            some.addmm_(position[block].flatten(0, 1), position_weight).relu_()
            torch.mm(some, weight, out=outputs)
            torch.amax(outputs.view(-1, neighbors, last.out_features), dim=1, out=features[block])
        return features + bias  # the same as adding it before the maximum


class LocalEncoder(nn.Module):
    """One set abstraction and a head: features of a fixed length at every center.

    Args:
        descriptor: Channels of a point's descriptor.
        context: Channels of a center's context.
        group: Channels of the set abstraction; 0 leaves it out.
        head: Hidden channels after it; a deeper head follows the target more closely.
        features: Channels of the features.
    """

    def __init__(
        self, descriptor: int, context: int, group: int, head: list[int], features: int
    ) -> None:
        super().__init__()
        self.abstraction = LocalFrameConv(mlp(descriptor + LOCAL, group, group)) if group else None
        self.norm = nn.LayerNorm(group, elementwise_affine=False) if group else None
        self.head = mlp(context + group, *head, features)

    def forward(self, descriptor: Tensor, local: Tensor, context: Tensor) -> Tensor:
        """Return features, with shape ``(M, features)``.

        Args:
            descriptor: Standardized descriptors of the neighbors, with shape ``(M, K, C)``.
            local: Their positions in the centers' frames, with shape ``(M, K, 6)``.
            context: Standardized context of the centers, with shape ``(M, D)``.
        """
        if self.abstraction is None:
            return self._predict(context)
        return self._predict(context, self.abstraction.dense(descriptor, local))

    def over(self, x: Tensor, groups: Tensor, local: Tensor, context: Tensor) -> Tensor:
        """Return the same for all centers of a cloud, quicker and without gradients.

        Args:
            x: Standardized descriptors of the points, with shape ``(P, C)``.
            groups: Neighbors of each center, with shape ``(M, K)``.
            local: As for :meth:`forward`.
            context: As for :meth:`forward`.
        """
        if self.abstraction is None:
            return self._predict(context)
        return self._predict(context, self.abstraction.sparse(x, groups, local))

    def _predict(self, context: Tensor, group: Tensor | None = None) -> Tensor:
        if group is not None and self.norm is not None:
            context = torch.cat([context, self.norm(group)], dim=1)
        return self.head(context)  # type: ignore[no-any-return]


class Committee(nn.Module):
    """An ensemble of encoders of one architecture.

    Args:
        members: Number of networks.
        build: Function that returns a new network.
    """

    def __init__(self, members: int, build: Callable[[], LocalEncoder]) -> None:
        super().__init__()
        self.members = nn.ModuleList(build() for _ in range(members))

    def forward(self, descriptor: Tensor, local: Tensor, context: Tensor) -> Tensor:
        """Return the members' features (:class:`LocalEncoder`), with shape ``(E, M, features)``."""
        return torch.stack([member(descriptor, local, context) for member in self.members])

    def over(self, x: Tensor, groups: Tensor, local: Tensor, context: Tensor) -> Tensor:
        """Return the members' features at all centers, with shape ``(E, M, features)``."""
        features = []
        for member in self.members:
            assert isinstance(member, LocalEncoder)
            features.append(member.over(x, groups, local, context))
        return torch.stack(features)
