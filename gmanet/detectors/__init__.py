"""The table of detectors: one file a method, one interface."""

from __future__ import annotations

from gmanet.detectors.base import Detector
from gmanet.detectors.gmanet import GMANet

__all__ = ["DETECTORS"]

DETECTORS: dict[str, type[Detector]] = {
    "gmanet": GMANet,
}
"""Name -> class; ``detector=NAME`` chooses one."""
