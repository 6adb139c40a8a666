"""IMRNet's settings."""

from __future__ import annotations

from dataclasses import dataclass

from gmanet.detectors.config import POSES, DetectorConfig, at_least, one_of
from gmanet.errors import InputError

__all__ = ["IMRNetConfig"]


@dataclass(kw_only=True)
class IMRNetConfig(DetectorConfig):
    """IMRNet's settings.

    Args:
        name: ``imrnet``.
        object_rule: Rule of the object score.
        points: Number of points in the geometry-aware sample (every input point gets a score).
        changing: Share of the sample in the quarter of the cloud where the surface changes most.
        centers: Number of patches.
        group: Number of points in a patch; 64 is best in the paper.
        pose: ``registered``, ``principal`` or ``given``.
        max_angle: Largest angle by which a step rotates its cloud, in degrees.
        width: Number of channels of a token.
        depth: Number of transformer blocks of the encoder; the decoder has a third of this number.
        heads: Number of attention heads.
        mask: Share of the patches that are masked.
        iterations: Number of reconstructions, each of the previous one; 3 in the paper.
        steps: Number of optimizer steps.
        learning_rate: Peak learning rate of the one-cycle schedule.
        weight_decay: Weight decay of AdamW.
    """

    name: str = "imrnet"
    object_rule: str = "max"
    points: int = 8192
    changing: float = 0.5
    centers: int = 256
    group: int = 64
    pose: str = "registered"
    max_angle: float = 5.0
    width: int = 384
    depth: int = 12
    heads: int = 6
    mask: float = 0.4
    iterations: int = 3
    steps: int = 10000
    learning_rate: float = 1e-3
    weight_decay: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("pose", self.pose, POSES)
        at_least(self, centers=3, group=2, iterations=1, steps=1)
        if self.points < self.centers:
            raise InputError(
                f"detector.points={self.points}, wanted at least detector.centers={self.centers}"
            )
        if not 0 < self.mask < 1:
            raise InputError(f"detector.mask={self.mask}, wanted more than 0 and less than 1")
        for name, highest in (("changing", 1.0), ("max_angle", 180.0)):
            if not 0 <= getattr(self, name) <= highest:
                raise InputError(f"detector.{name}={getattr(self, name)}, wanted 0 to {highest:g}")
