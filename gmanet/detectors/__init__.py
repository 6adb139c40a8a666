"""The table of detectors: one file or one folder a method, one interface.

A method is imported when it is asked for, so that nobody waits for the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gmanet.detectors.base import Detector

__all__ = ["DETECTORS"]


class _Table(Mapping[str, "type[Detector]"]):
    """Name -> class, which is imported when it is looked up.

    Args:
        places: Name -> ``module:Class``, the module below this package.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> type[Detector]:
        module, _, kind = self._places[name].partition(":")
        found: type[Detector] = getattr(import_module(f"{__name__}.{module}"), kind)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


DETECTORS: Mapping[str, type[Detector]] = _Table(
    {
        "gmanet": "gmanet.detector:GMANet",
        "gmanet_paper": "gmanet.paper:GMANetPaper",
        "btf": "btf:BTF",
        "patchcore": "patchcore:PatchCore",
        "simple3d": "simple3d:Simple3D",
        "curvature": "curvature:Curvature",
        "contexts": "gmanet.descriptor_bank:ContextBank",
        "m3dm": "m3dm:M3DM",
        "patchcore_pointmae": "patchcore_pointmae:PointMAE",
        "reg3dad": "reg3dad:Reg3DAD",
        "imrnet": "imrnet.detector:IMRNet",
        "r3dad": "r3dad.detector:R3DAD",
    }
)
"""Name -> class; ``detector=NAME`` chooses one."""
