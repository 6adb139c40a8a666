r"""PointNet++ [Qi et al., NeurIPS 2017] over a hierarchy: a feature at every point of a cloud.

A *set abstraction* gives every point :math:`i` of the next level a feature

.. math:: x'_i = \max_{j \in N(i)} h_\Theta(x_j,\, p_j - p_i),

the maximum over the ball around it of a shared MLP (PyG's ``PointNetConv``); with multi-scale
grouping, the features of several balls side by side.  On the way back a *feature propagation*
interpolates the features of three neighbors, concatenates them with those of the finer level, and
applies an MLP to every point.  Every layer has batch normalization and a ReLU and no bias, as in
the reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch_geometric.nn import PointNetConv
from torch_geometric.nn.aggr import Aggregation

from gmanet.geometry.neighbors import interpolate
from gmanet.networks.pointnet2.hierarchy import Hierarchy
from gmanet.networks.pointnet2.layout import Layout

__all__ = ["FeaturePropagation", "PointNet2", "Segmenter", "SetAbstraction", "estimate_statistics"]

DROPOUT = 0.5
"""Dropout of the segmentation head."""


def shared_mlp(*channels: int) -> nn.Sequential:
    """Return linear layers without bias, each with batch normalization and a ReLU."""
    layers: list[nn.Module] = []
    for wide, narrow in pairwise(channels):
        layers += [nn.Linear(wide, narrow, bias=False), nn.BatchNorm1d(narrow), nn.ReLU()]
    return nn.Sequential(*layers)


class GroupMax(Aggregation):
    """The maximum over edges that are sorted by target, the same number for every target."""

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        max_num_elements: int | None = None,
    ) -> Tensor:
        """Return the maxima, with shape ``(M, C)``.

        Args:
            x: Messages, with shape ``(M * K, C)``.
            index: Target of each message; its order is that of ``x``.
            ptr: Not used.
            dim_size: Number of targets ``M``.
            dim: Not used.
            max_num_elements: Not used.
        """
        assert dim_size is not None
        # the gradient reaches one of equal rows: cheaper than that of amax, which reaches all
        return x.view(dim_size, -1, x.shape[-1]).max(dim=1).values


class SetAbstraction(nn.Module):
    """Features of a coarser level from those of a finer one.

    Args:
        channels: Channels of the finer level's features; 0 where it has coordinates alone.
        widths: Output channels of the layers of each scale's MLP.
    """

    def __init__(self, channels: int, widths: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            PointNetConv(shared_mlp(channels + 3, *each), add_self_loops=False, aggr=GroupMax())
            for each in widths
        )

    def forward(
        self, x: Tensor | None, finer: Tensor, coarser: Tensor, groups: Sequence[Tensor]
    ) -> Tensor:
        """Return features of the coarser level, with shape ``(M, C')``.

        Args:
            x: Features of the finer level, with shape ``(N, C)``; None where there are none.
            finer: Coordinates of the finer level, with shape ``(N, 3)``.
            coarser: Coordinates of the coarser level, with shape ``(M, 3)``.
            groups: Neighbors in the finer level for each scale, with shape ``(M, K)``.
        """
        rows = torch.arange(len(coarser), device=coarser.device)
        features = []
        for convolution, group in zip(self.convolutions, groups, strict=True):
            edges = torch.stack([group.flatten(), rows.repeat_interleave(group.shape[1])])
            features.append(convolution((x, None), (finer, coarser), edges))
        return torch.cat(features, dim=1)


class FeaturePropagation(nn.Module):
    """Features of a finer level from its own and those of a coarser one.

    Args:
        skip: Channels of the finer level's own features.
        channels: Channels of the coarser level's features.
        widths: Output channels of the layers of the MLP.
    """

    def __init__(self, skip: int, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.mlp = shared_mlp(skip + channels, *widths)

    def forward(self, skip: Tensor | None, x: Tensor, near: Tensor, weight: Tensor) -> Tensor:
        """Return features of the finer level, with shape ``(N, C')``.

        Args:
            skip: The finer level's own features, with shape ``(N, C)``; None where there are none.
            x: Features of the coarser level, with shape ``(M, D)``.
            near: Three nearest points of the coarser level, with shape ``(N, 3)``.
            weight: Their weights, with shape ``(N, 3)``.
        """
        found = interpolate(x, near, weight=weight)
        return self.mlp(found if skip is None else torch.cat([skip, found], dim=1))  # type: ignore[no-any-return]


class PointNet2(nn.Module):
    """PointNet++ with a feature at every point.

    Args:
        layout: Levels, radii and widths.
        channels: Channels of the input features; 0 where there are coordinates alone.
    """

    def __init__(self, layout: Layout, channels: int = 0) -> None:
        super().__init__()
        widths = [[scale.widths for scale in level] for level in layout.levels]
        given = [channels, *(sum(each[-1] for each in level) for level in widths)]
        self.abstractions = nn.ModuleList(
            SetAbstraction(before, level) for before, level in zip(given, widths, strict=False)
        )
        coarse = [given[-1], *(each[-1] for each in layout.propagation)]
        self.propagations = nn.ModuleList(
            FeaturePropagation(skip, before, each)
            for skip, before, each in zip(given[-2::-1], coarse, layout.propagation, strict=False)
        )

    def forward(self, x: Tensor | None, hierarchy: Hierarchy) -> Tensor:
        """Return the features of all points, with shape ``(N, features)``.

        Args:
            x: Input features of the points, with shape ``(N, channels)``; None where there are
                none.
            hierarchy: Of one cloud, or a batch.
        """
        features = [x]
        for number, abstraction in enumerate(self.abstractions, start=1):
            groups = [
                hierarchy[f"group{number}_{scale}"]
                for scale in range(len(abstraction.convolutions))  # type: ignore[arg-type]
            ]
            levels = (hierarchy[f"pos{number - 1}"], hierarchy[f"pos{number}"])
            features.append(abstraction(features[-1], *levels, groups))
        found = features.pop()
        for propagation in self.propagations:
            number = len(features)
            weights = (hierarchy[f"near{number}"], hierarchy[f"weight{number}"])
            found = propagation(features.pop(), found, *weights)
        assert found is not None
        return found


class Segmenter(nn.Module):
    """PointNet++ with the segmentation head of the reference.

    Args:
        layout: Levels, radii and widths.
        channels: Channels of the input features.
        classes: Number of classes.
    """

    def __init__(self, layout: Layout, channels: int, classes: int) -> None:
        super().__init__()
        self.backbone = PointNet2(layout, channels)
        width = layout.features
        self.head = nn.Sequential(
            *shared_mlp(width, width), nn.Dropout(DROPOUT), nn.Linear(width, classes)
        )

    def forward(self, x: Tensor | None, hierarchy: Hierarchy) -> Tensor:
        """Return logits, with shape ``(N, classes)``; arguments as for :class:`PointNet2`."""
        return self.head(self.backbone(x, hierarchy))  # type: ignore[no-any-return]


@torch.no_grad()
def estimate_statistics(
    network: nn.Module, inputs: Iterator[tuple[Tensor | None, Hierarchy]]
) -> None:
    """Set the statistics of all batch normalizations to the mean over some clouds; no weight moves.

    Args:
        network: A :class:`PointNet2`; it is in the same mode as before afterwards.
        inputs: Input features and hierarchy of each cloud.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d)]
    momenta = [layer.momentum for layer in layers]
    training = network.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the cumulative mean
    network.train()
    for given in inputs:
        network(*given)
    network.train(training)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
