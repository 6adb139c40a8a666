"""The eight networks of Table X as detectors: what each is made of, and what it reads."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch_geometric.data import Data

from gmanet.detectors.supervised.config import (
    PointNet2MSGConfig,
    PointNet2SSGConfig,
    PointNeXtConfig,
    PointVectorConfig,
    PTv1Config,
)
from gmanet.detectors.supervised.detector import CLASSES, SupervisedDetector
from gmanet.detectors.supervised.surface import Structure
from gmanet.detectors.supervised.voxel_config import OACNNsConfig, OctFormerConfig, SpUNetConfig
from gmanet.networks import oacnns, spunet
from gmanet.networks.levels import Levels
from gmanet.networks.octformer import network as octformer
from gmanet.networks.pointnet2.hierarchy import make_hierarchy
from gmanet.networks.pointnet2.layout import MSG, SSG, Layout
from gmanet.networks.pointnet2.network import Segmenter
from gmanet.networks.pointnext import PointNeXt as PointNeXtNetwork
from gmanet.networks.pointnext import next_levels
from gmanet.networks.pointvector import PointVector as PointVectorNetwork
from gmanet.networks.ptv1 import PointTransformer, transformer_levels

__all__ = [
    "OACNNs",
    "OctFormer",
    "PTv1",
    "PointNeXt",
    "PointNet2MSG",
    "PointNet2SSG",
    "PointVector",
    "SpUNet",
]

SMALLEST_BALL = 0.1
"""Radius of the smallest ball of the layouts."""


def _voxels(pos: Tensor, coord: Tensor) -> Data:
    return Data(coord=coord, num_nodes=len(coord))


def _hierarchy(pos: Tensor, coord: Tensor, *, layout: Layout) -> Data:
    return make_hierarchy(pos, layout)


def _nearest(pos: Tensor, coord: Tensor, *, neighbors: tuple[int, ...]) -> Levels:
    return transformer_levels(pos, neighbors)


def _balls(
    pos: Tensor, coord: Tensor, *, radius: float, levels: int, below: int, within: int
) -> Levels:
    return next_levels(pos, radius=radius, levels=levels, below=below, within=within)


class PointNet2SSG(SupervisedDetector):
    """PointNet++ with single-scale grouping [Qi et al., NeurIPS 2017]."""

    Config = PointNet2SSGConfig
    config: PointNet2SSGConfig
    reference = SSG

    @property
    def layout(self) -> Layout:
        """Levels, radii in diameters, and widths."""
        config = self.config
        return self.reference.scaled(width=config.width, radius=config.radius / SMALLEST_BALL)

    def make_network(self, channels: int) -> nn.Module:
        """Return PointNet++ with the segmentation head."""
        return Segmenter(self.layout, channels=channels, classes=CLASSES)

    def structure(self) -> Structure:
        """Return the function to the hierarchy of balls."""
        return partial(_hierarchy, layout=self.layout)


class PointNet2MSG(PointNet2SSG):
    """PointNet++ with multi-scale grouping."""

    Config = PointNet2MSGConfig
    config: PointNet2MSGConfig
    reference = MSG


class PTv1(SupervisedDetector):
    """Point Transformer [Zhao et al., ICCV 2021]."""

    Config = PTv1Config
    config: PTv1Config

    def make_network(self, channels: int) -> nn.Module:
        """Return the network."""
        config = self.config
        return PointTransformer(
            channels, CLASSES, widths=config.widths, blocks=config.blocks, shared=config.shared
        )

    def structure(self) -> Structure:
        """Return the function to levels with nearest neighbors."""
        return partial(_nearest, neighbors=tuple(self.config.neighbors))


class PointNeXt(SupervisedDetector):
    """PointNeXt [Qian et al., NeurIPS 2022]."""

    Config = PointNeXtConfig
    config: PointNeXtConfig
    kind: type[PointNeXtNetwork] = PointNeXtNetwork

    def make_network(self, channels: int) -> nn.Module:
        """Return the network."""
        config = self.config
        return self.kind(
            channels, CLASSES, radius=config.radius, widths=config.widths, blocks=config.blocks
        )

    def structure(self) -> Structure:
        """Return the function to levels with balls."""
        config = self.config
        return partial(
            _balls,
            radius=config.radius,
            levels=len(config.widths),
            below=config.below,
            within=config.within,
        )


class PointVector(PointNeXt):
    """PointVector [Deng et al., CVPR 2023]."""

    Config = PointVectorConfig
    config: PointVectorConfig
    kind = PointVectorNetwork


class _OverVoxels(SupervisedDetector):
    """Base class of networks over voxels."""

    def structure(self) -> Structure:
        """Return the function to the occupied voxels."""
        return _voxels


class SpUNet(_OverVoxels):
    """SpUNet [Choy et al., CVPR 2019]."""

    Config = SpUNetConfig
    config: SpUNetConfig

    def make_network(self, channels: int) -> nn.Module:
        """Return the network."""
        config = self.config
        return spunet.SpUNet(
            channels, CLASSES, stem=config.stem, widths=config.widths, blocks=config.blocks
        )


class OctFormer(_OverVoxels):
    """OctFormer [Wang, ACM TOG 2023]."""

    Config = OctFormerConfig
    config: OctFormerConfig

    def make_network(self, channels: int) -> nn.Module:
        """Return the network."""
        config = self.config
        return octformer.OctFormer(
            channels,
            CLASSES,
            widths=config.widths,
            blocks=config.blocks,
            heads=config.heads,
            window=config.window,
            dilation=config.dilation,
            stem=config.stem,
            pyramid=config.pyramid,
            drop=config.drop,
        )


class OACNNs(_OverVoxels):
    """OA-CNNs [Peng et al., CVPR 2024]."""

    Config = OACNNsConfig
    config: OACNNsConfig

    def make_network(self, channels: int) -> nn.Module:
        """Return the network."""
        config = self.config
        return oacnns.OACNNs(
            channels,
            CLASSES,
            stem=config.stem,
            widths=config.widths,
            blocks=config.blocks,
            up=config.up,
        )
