"""Base classes of detectors that register all clouds on one reference cloud of the category.

The reference is the first normal cloud by name (in the code of Real3D-AD's benchmark, the file that
the file system lists first).  It is part of the detector's state, so that a loaded detector
registers new scans exactly as before it was stored.
"""

from __future__ import annotations

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.base import Detector
from gmanet.detectors.config import RegisteredConfig
from gmanet.detectors.memory_bank import MemoryDetector
from gmanet.detectors.reference import Reference
from gmanet.registration.canonical import Canonicalizer

__all__ = ["Registered", "RegisteredDetector"]


class Registered(Detector):
    """A detector that moves every cloud into one pose before it reads it."""

    reference: Reference | None
    choice: str

    def set_pose(self, choice: str, pose_matters: bool = True) -> None:
        """Set the pose in which clouds are read.

        Args:
            choice: One of ``gmanet.detectors.config.POSES``.
            pose_matters: Whether any feature depends on the pose; if not, nothing is registered.
        """
        self.reference = Reference() if pose_matters and choice == "registered" else None
        self.choice = choice

    def prepare(self, clouds: CloudDataset) -> None:
        """Store the first cloud by name as the reference, unless one is stored already."""
        if self.reference is not None and not self.reference.fitted:
            names = clouds.names
            self.reference.fit(clouds[names.index(min(names))].pos)

    @property
    def pose(self) -> Canonicalizer:
        """The reader's rigid motion of clouds; none where no feature depends on the pose."""
        if self.reference is not None:
            return Canonicalizer("registered", self.reference.target)
        return Canonicalizer("given" if self.choice == "registered" else self.choice)


class RegisteredDetector(Registered, MemoryDetector):
    """A memory bank that moves every cloud into one pose before it reads it."""

    Config = RegisteredConfig
    config: RegisteredConfig

    def __init__(
        self,
        config: RegisteredConfig,
        banks: tuple[str, ...] = ("feature",),
        *,
        pose_matters: bool = True,
    ) -> None:
        """Make a detector that is not fitted yet.

        Args:
            config: Settings.
            banks: Names of the banks.
            pose_matters: Whether any feature depends on the pose.
        """
        super().__init__(config, banks)
        self.set_pose(config.pose, pose_matters)
