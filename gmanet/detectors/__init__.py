"""The table of detectors: one file a method, one interface."""

from __future__ import annotations

from gmanet.detectors.base import Detector
from gmanet.detectors.btf import BTF
from gmanet.detectors.curvature import Curvature
from gmanet.detectors.gmanet.descriptor_bank import ContextBank
from gmanet.detectors.gmanet.detector import GMANet
from gmanet.detectors.imrnet.detector import IMRNet
from gmanet.detectors.m3dm import M3DM
from gmanet.detectors.patchcore import PatchCore
from gmanet.detectors.patchcore_pointmae import PointMAE
from gmanet.detectors.r3dad.detector import R3DAD
from gmanet.detectors.reg3dad import Reg3DAD
from gmanet.detectors.simple3d import Simple3D

__all__ = ["DETECTORS"]

DETECTORS: dict[str, type[Detector]] = {
    "gmanet": GMANet,
    "btf": BTF,
    "patchcore": PatchCore,
    "simple3d": Simple3D,
    "curvature": Curvature,
    "contexts": ContextBank,
    "m3dm": M3DM,
    "patchcore_pointmae": PointMAE,
    "reg3dad": Reg3DAD,
    "imrnet": IMRNet,
    "r3dad": R3DAD,
}
"""Name -> class; ``detector=NAME`` chooses one."""
