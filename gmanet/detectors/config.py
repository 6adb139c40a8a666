"""Settings of the detectors: what a run's section ``detector`` holds.

Here are those of detectors that are one file each; the others have a ``config.py`` of their own.
No such module imports PyTorch or Lightning, so that a configuration is read, shown and refused at
once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from gmanet.errors import InputError

__all__ = [
    "CURVATURE_SIZES",
    "OBJECT_RULES",
    "POSES",
    "BTFConfig",
    "CurvatureConfig",
    "DetectorConfig",
    "MemoryConfig",
    "PatchCoreConfig",
    "RegisteredConfig",
    "Simple3DConfig",
    "at_least",
    "one_of",
]

OBJECT_RULES = {"max": 0.0, "top": 0.005, "mean": 0.015}
"""Rule -> share of the highest point scores that are averaged (``max`` takes one point)."""

POSES = ("given", "principal", "registered")
"""Unchanged, along the principal axes, or registered on a reference cloud of the same part."""

FEATURES = ("raw", "fpfh")
"""Coordinates, or histograms of the angles between normals."""

CURVATURE_SIZES = (24, 48, 96)
"""Neighbors, among the centers, of the three neighborhoods of the curvature detector."""


def at_least(config: DetectorConfig, /, **lowest: float) -> None:
    """Refuse numbers that are too low.

    Args:
        config: The settings.
        lowest: Name of a setting -> the lowest value that it may have.

    Raises:
        InputError: A setting is lower.
    """
    for name, least in lowest.items():
        if not (value := getattr(config, name)) >= least:
            raise InputError(f"detector.{name}={value}, wanted at least {least}")


def one_of(name: str, value: Any, known: Collection[str]) -> None:
    """Refuse a setting that is none of the known names.

    Raises:
        InputError: It is none of them.
    """
    if value not in known:
        raise InputError(f"detector.{name}={value!r}, wanted one of {', '.join(known)}")


@dataclass(kw_only=True)
class DetectorConfig:
    """What all detectors have in common.

    Args:
        name: A row of ``gmanet.detectors.table.DETECTORS``.
        object_rule: How point scores make an object score; fixed before testing.
    """

    name: str = ""
    object_rule: str = "top"

    def __post_init__(self) -> None:
        one_of("object_rule", self.object_rule, OBJECT_RULES)

    @property
    def label(self) -> str:
        """What a table says of a row besides its name, such as where weights come from."""
        return ""


@dataclass(kw_only=True)
class MemoryConfig(DetectorConfig):
    """What all memory banks have in common.

    Args:
        object_rule: How point scores make an object score.
        pool_size: Number of feature rows in memory while fitting, equally many of each normal
            cloud; with four bytes per channel it bounds the memory of any number of clouds.
        bank_size: Largest number of rows in the bank, a coreset of the pool.
        neighbors: Nearest rows of the bank whose mean distance is the score.
    """

    object_rule: str = "max"
    pool_size: int = 65536
    bank_size: int = 10000
    neighbors: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, pool_size=1, bank_size=1, neighbors=1)


@dataclass(kw_only=True)
class RegisteredConfig(MemoryConfig):
    """What detectors that choose a pose have in common.

    Args:
        pose: ``registered`` on the category's first normal cloud, ``principal`` axes (cheaper, and
            wrong where symmetry leaves their signs to noise), or as ``given``.
    """

    pose: str = "registered"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("pose", self.pose, POSES)


@dataclass(kw_only=True)
class BTFConfig(MemoryConfig):
    """BTF's settings.

    Args:
        name: ``btf``.
        bank_size: Largest number of rows in the bank; the default keeps the whole pool.
        feature: ``raw`` or ``fpfh``.
        share: Share of a cloud's points that are stored, or scored.
        min_points: Smallest number of rows of a cloud, for small clouds.
    """

    name: str = "btf"
    bank_size: int = 65536
    feature: str = "fpfh"
    share: float = 0.01
    min_points: int = 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("feature", self.feature, FEATURES)
        if not 0 <= self.share <= 1:
            raise InputError(f"detector.share={self.share}, wanted 0 to 1")
        at_least(self, min_points=3)


@dataclass(kw_only=True)
class PatchCoreConfig(RegisteredConfig):
    """PatchCore's settings.

    Args:
        name: ``patchcore``.
        features: One bank each, of ``raw`` and ``fpfh``.
        samples_per_cloud: Number of points of a cloud that may enter a bank.
        pose: Of places; ``registered``, ``principal`` or ``given``.
    """

    name: str = "patchcore"
    features: list[str] = field(default_factory=lambda: ["fpfh"])
    samples_per_cloud: int = 16384

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = [name for name in self.features if name not in FEATURES]
        if wrong or not self.features or len(set(self.features)) < len(self.features):
            raise InputError(
                f"detector.features={list(self.features)}, wanted some of {', '.join(FEATURES)}"
            )
        at_least(self, samples_per_cloud=1)


@dataclass(kw_only=True)
class Simple3DConfig(MemoryConfig):
    """Simple3D's settings.

    Args:
        name: ``simple3d``.
        object_rule: How point scores make an object score.
        scale: Points of the smallest neighborhood; the others have two and three times as many.
        centers: Places with a feature.
        average: Points whose descriptors a center averages.
        coarse: Centers of the last smoothing; 0 leaves it out.
        share: Share of the held rows that the bank keeps, ``bank_size`` at most.
    """

    name: str = "simple3d"
    object_rule: str = "top"
    scale: int = 40
    centers: int = 4096
    average: int = 128
    coarse: int = 1024
    share: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, scale=3, centers=3, average=1, coarse=0)
        if not 0 < self.share <= 1:
            raise InputError(f"detector.share={self.share}, wanted more than 0 and at most 1")


@dataclass(kw_only=True)
class CurvatureConfig(MemoryConfig):
    """The curvature detector's settings.

    Args:
        name: ``curvature``.
        object_rule: How point scores make an object score.
        neighbors: Nearest rows of the bank whose mean distance is the score.
        centers: Places with a feature.
    """

    name: str = "curvature"
    object_rule: str = "top"
    neighbors: int = 3
    centers: int = 8192

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, centers=CURVATURE_SIZES[-1])
