"""Settings of the supervised detectors, here of those over points.

The defaults are the sizes of the references.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gmanet.detectors.config import DetectorConfig, at_least
from gmanet.errors import InputError

__all__ = [
    "PTv1Config",
    "PointNeXtConfig",
    "PointNet2MSGConfig",
    "PointNet2SSGConfig",
    "PointVectorConfig",
    "SupervisedConfig",
    "divides",
    "levels",
]


@dataclass(kw_only=True)
class SupervisedConfig(DetectorConfig):
    """Settings of every supervised detector; lengths are in diameters of the cloud.

    Args:
        object_rule: Rule of the object score.
        grid: Edge of a voxel; of the points in a voxel networks read one at a time.
        normals: Whether networks read normals beside coordinates.
        crop: Largest number of points of a cloud in a step, those around a random one.
        abnormal_crops: Share of the crops near a random abnormal point; 0 in the protocol.
        clouds: Number of clouds in a step.
        steps: Number of optimizer steps.
        learning_rate: Highest learning rate of AdamW.
        weight_decay: Weight decay of AdamW.
        abnormal_weight: Weight of abnormal points in the cross entropy; normal ones weigh 1.
        votes: Number of rotations in which a cloud is scored; softmax is summed over them.
    """

    grid: float = 0.005
    normals: bool = True
    crop: int = 100_000
    abnormal_crops: float = 0.0
    clouds: int = 8
    steps: int = 12_000
    learning_rate: float = 0.002
    weight_decay: float = 0.02
    abnormal_weight: float = 3.0
    votes: int = 4

    @property
    def supervised(self) -> bool:
        """Whether the detector learns from labeled defective clouds."""
        return True

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, grid=1e-4, crop=64, clouds=1, steps=1, weight_decay=0, votes=1)
        at_least(self, abnormal_weight=1)
        if not 0 <= self.abnormal_crops <= 1:
            raise InputError(f"detector.abnormal_crops={self.abnormal_crops}, wanted from 0 to 1")
        if not self.learning_rate > 0:
            raise InputError(f"detector.learning_rate={self.learning_rate}, wanted more than 0")


def levels(config: SupervisedConfig, count: int = 0, **lists: int) -> None:
    """Check lists with one number a level.

    Args:
        config: The settings.
        count: Number of levels; 0: any, at least one.
        lists: Name of a list -> difference of its length and the number of levels.

    Raises:
        InputError: A list has another length, or a number below 1.
    """
    wanted = count or len(getattr(config, next(iter(lists))))
    for name, more in lists.items():
        value = list(getattr(config, name))
        if len(value) != wanted + more or not value or min(value) < 1:
            raise InputError(
                f"detector.{name}={value}, wanted {wanted + more} whole numbers of at least 1"
            )


@dataclass(kw_only=True)
class PointNet2SSGConfig(SupervisedConfig):
    """Settings of PointNet++ with single-scale grouping.

    Args:
        name: ``pointnet2_ssg``.
        width: Channels over those of the reference.
        radius: Radius of the smallest ball.
    """

    name: str = "pointnet2_ssg"
    width: float = 1.0
    radius: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, width=0.01, radius=1e-4)


@dataclass(kw_only=True)
class PointNet2MSGConfig(PointNet2SSGConfig):
    """Settings of PointNet++ with multi-scale grouping.

    Args:
        name: ``pointnet2_msg``.
    """

    name: str = "pointnet2_msg"


@dataclass(kw_only=True)
class PTv1Config(SupervisedConfig):
    """Point Transformer's settings.

    Args:
        name: ``ptv1``.
        widths: Channels of the levels, the finest first.
        blocks: Blocks of the levels on the way down.
        neighbors: Number of nearest neighbors on every level.
        shared: Number of channels with the same weight; it divides all ``widths``.
    """

    name: str = "ptv1"
    widths: list[int] = field(default_factory=lambda: [32, 64, 128, 256, 512])
    blocks: list[int] = field(default_factory=lambda: [1, 2, 3, 5, 2])
    neighbors: list[int] = field(default_factory=lambda: [8, 16, 16, 16, 16])
    shared: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, shared=1)
        levels(self, widths=0, blocks=0, neighbors=0)
        divides(self.shared, self.widths, what="shared")


@dataclass(kw_only=True)
class PointNeXtConfig(SupervisedConfig):
    """PointNeXt's settings.

    Args:
        name: ``pointnext``.
        radius: Radius of the balls of the first set abstraction; it doubles from level to level.
        widths: Channels of the levels, the finest first.
        blocks: Blocks of the coarser levels, the finest first.
        below: Number of neighbors in the finer level.
        within: Number of neighbors within a level.
    """

    name: str = "pointnext"
    radius: float = 0.025
    widths: list[int] = field(default_factory=lambda: [32, 64, 128, 256, 512])
    blocks: list[int] = field(default_factory=lambda: [2, 4, 2, 2])
    below: int = 32
    within: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, radius=1e-4, below=1, within=1)
        levels(self, widths=0, blocks=-1)


@dataclass(kw_only=True)
class PointVectorConfig(PointNeXtConfig):
    """PointVector's settings.

    Args:
        name: ``pointvector``.
        within: Number of neighbors within a level.
    """

    name: str = "pointvector"
    within: int = 8


def divides(number: int, widths: list[int], *, what: str) -> None:
    """Check that a number divides all widths.

    Args:
        number: Value of a setting.
        widths: Numbers of channels.
        what: Name of the setting.

    Raises:
        InputError: It does not.
    """
    wrong = [width for width in widths if width % number]
    if wrong:
        raise InputError(
            f"detector.{what}={number} for {wrong[0]} channels, wanted a divisor of detector.widths"
        )
