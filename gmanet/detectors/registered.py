"""Detectors that read clouds in one pose: all are laid on one reference cloud of the category.

The reference is the first normal cloud by name; in the code of Real3D-AD's benchmark it is the one
that the file system lists first.  It is part of the detector's state, so that a stored detector
lays new scans as it laid those that it was fitted on.
"""

from __future__ import annotations

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.base import Detector
from gmanet.detectors.config import PosedConfig
from gmanet.detectors.memory_bank import MemoryDetector
from gmanet.registration.canonical import Canonicalizer
from gmanet.registration.reference import Reference

__all__ = ["Posed", "PosedDetector"]


class Posed(Detector):
    """A detector that lays every cloud before it reads it."""

    reference: Reference | None
    way: str

    def lay(self, way: str, posed: bool = True) -> None:
        """Set how clouds are laid; ``posed`` says whether any feature depends on the pose."""
        self.reference = Reference() if posed and way == "registered" else None
        self.way = way

    def prepare(self, clouds: CloudDataset) -> None:
        """Keep the first cloud by name as the reference, unless one is stored already."""
        if self.reference is not None and not self.reference.fitted:
            names = clouds.names
            self.reference.fit(clouds[names.index(min(names))].pos)

    @property
    def pose(self) -> Canonicalizer:
        """How the reader lays clouds; ``given`` where no feature depends on it."""
        if self.reference is not None:
            return Canonicalizer("registered", self.reference.target)
        return Canonicalizer("given" if self.way == "registered" else self.way)


class PosedDetector(Posed, MemoryDetector):
    """A memory bank that lays every cloud before it reads it."""

    Config = PosedConfig
    config: PosedConfig

    def __init__(
        self, config: PosedConfig, banks: tuple[str, ...] = ("feature",), *, posed: bool = True
    ) -> None:
        """Make a detector; ``posed`` says whether any of its features depends on the pose."""
        super().__init__(config, banks)
        self.lay(config.pose, posed)
