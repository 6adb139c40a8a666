"""The table of detectors: one file or one folder a method, one interface.

A method is imported when it is asked for, so that nobody waits for the others; its settings are
imported without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gmanet.runtime.lazy_table import LazyTable

if TYPE_CHECKING:
    from gmanet.detectors.base import Detector
    from gmanet.detectors.config import DetectorConfig

__all__ = ["CONFIGS", "DEFAULT", "DETECTORS"]

ROWS = {
    "gmanet": ("gmanet.detector:GMANet", "gmanet.config:GMANetConfig"),
    "gmanet_paper": ("gmanet_paper.detector:GMANetPaper", "gmanet_paper.config:PaperConfig"),
    "btf": ("btf:BTF", "config:BTFConfig"),
    "patchcore": ("patchcore:PatchCore", "config:PatchCoreConfig"),
    "simple3d": ("simple3d:Simple3D", "config:Simple3DConfig"),
    "curvature": ("curvature:Curvature", "config:CurvatureConfig"),
    "contexts": ("gmanet.descriptor_bank:ContextBank", "gmanet.config:ContextBankConfig"),
    "m3dm": ("m3dm:M3DM", "pointmae_config:M3DMConfig"),
    "patchcore_pointmae": ("patchcore_pointmae:PointMAE", "pointmae_config:PointMAEConfig"),
    "reg3dad": ("reg3dad:Reg3DAD", "pointmae_config:Reg3DADConfig"),
    "imrnet": ("imrnet.detector:IMRNet", "imrnet.config:IMRNetConfig"),
    "r3dad": ("r3dad.detector:R3DAD", "r3dad.config:R3DADConfig"),
    "pointnet2_ssg": ("supervised.methods:PointNet2SSG", "supervised.config:PointNet2SSGConfig"),
    "pointnet2_msg": ("supervised.methods:PointNet2MSG", "supervised.config:PointNet2MSGConfig"),
    "spunet": ("supervised.methods:SpUNet", "supervised.voxel_config:SpUNetConfig"),
    "ptv1": ("supervised.methods:PTv1", "supervised.config:PTv1Config"),
    "pointnext": ("supervised.methods:PointNeXt", "supervised.config:PointNeXtConfig"),
    "octformer": ("supervised.methods:OctFormer", "supervised.voxel_config:OctFormerConfig"),
    "pointvector": ("supervised.methods:PointVector", "supervised.config:PointVectorConfig"),
    "oacnns": ("supervised.methods:OACNNs", "supervised.voxel_config:OACNNsConfig"),
}
"""Name -> the class and the class of its settings, as ``module:class`` below this package."""

DETECTORS: Mapping[str, type[Detector]] = LazyTable(
    {name: f"gmanet.detectors.{detector}" for name, (detector, _) in ROWS.items()}
)
"""Name -> class; ``detector=NAME`` chooses one."""

CONFIGS: Mapping[str, type[DetectorConfig]] = LazyTable(
    {name: f"gmanet.detectors.{config}" for name, (_, config) in ROWS.items()}
)
"""Name -> class of the settings, ``DETECTORS[name].Config``."""

DEFAULT = "gmanet"
"""Detector of a run that names none."""
