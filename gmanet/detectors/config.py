"""Settings of the detectors: the section ``detector`` of a run's configuration.

This module has the settings of detectors that consist of one module; detectors that are packages
have their own ``config.py``.  None of these modules imports PyTorch or Lightning, so that reading
and checking a configuration is fast.
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
"""Rule of the object score -> share of the highest point scores that are averaged."""

POSES = ("given", "principal", "registered")
"""Poses of clouds: unchanged, along the principal axes, registered on a reference cloud."""

FEATURES = ("raw", "fpfh")
"""Names of point features: coordinates, or histograms of angles between normals."""

CURVATURE_SIZES = (24, 48, 96)
"""Numbers of neighbors, among the centers, in the three neighborhoods of the curvature detector."""


def at_least(config: DetectorConfig, /, **lowest: float) -> None:
    """Check numbers against their lowest values.

    Args:
        config: The settings.
        lowest: Name of a setting -> its lowest allowed value.

    Raises:
        InputError: A setting is below its lowest value.
    """
    for name, least in lowest.items():
        if not (value := getattr(config, name)) >= least:
            raise InputError(f"detector.{name}={value}, wanted at least {least}")


def one_of(name: str, value: Any, known: Collection[str]) -> None:
    """Check a setting against the known names.

    Raises:
        InputError: The value is not among the known names.
    """
    if value not in known:
        raise InputError(f"detector.{name}={value!r}, wanted one of {', '.join(known)}")


@dataclass(kw_only=True)
class DetectorConfig:
    """Settings of every detector.

    Args:
        name: A key of ``gmanet.detectors.DETECTORS``.
        object_rule: Rule of the object score, a key of ``OBJECT_RULES``; fixed before testing.
    """

    name: str = ""
    object_rule: str = "top"

    def __post_init__(self) -> None:
        one_of("object_rule", self.object_rule, OBJECT_RULES)

    @property
    def supervised(self) -> bool:
        """Whether the detector learns from labeled defective clouds, not from normal ones."""
        return False

    @property
    def label(self) -> str:
        """Remark on the detector in a table, such as the source of its weights; often empty."""
        return ""


@dataclass(kw_only=True)
class MemoryConfig(DetectorConfig):
    """Settings of every memory bank.

    Args:
        object_rule: Rule of the object score.
        pool_size: Number of feature rows in memory while fitting, the same number of each normal
            cloud; with four bytes per channel it bounds the memory for any number of clouds.
        bank_size: Largest number of rows in the bank, a coreset of the pool.
        neighbors: Number of nearest rows of the bank whose mean distance is the score.
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
    """Settings of memory banks that read clouds in a given pose.

    Args:
        pose: ``registered`` on the category's first normal cloud, along the ``principal`` axes
            (faster, but symmetric parts have axes of random signs), or as ``given``.
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
        share: Share of a cloud's points that are sampled.
        min_points: Smallest number of sampled points, for small clouds.
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
        features: ``raw``, ``fpfh`` or both; each feature has a bank of its own.
        samples_per_cloud: Largest number of points of one cloud in the pool of a bank.
        pose: Pose of the coordinates: ``registered``, ``principal`` or ``given``.
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
        object_rule: Rule of the object score.
        scale: Number of points in the smallest neighborhood; the others have two and three times.
        centers: Number of centers, the positions with a feature.
        average: Number of points whose descriptors are averaged at a center.
        coarse: Number of centers of the last smoothing; 0: no last smoothing.
        share: Size of the bank as a share of the pool; at most ``bank_size`` rows.
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
        object_rule: Rule of the object score.
        neighbors: Number of nearest rows of the bank whose mean distance is the score.
        centers: Number of centers, the positions with a feature.
    """

    name: str = "curvature"
    object_rule: str = "top"
    neighbors: int = 3
    centers: int = 8192

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, centers=CURVATURE_SIZES[-1])
