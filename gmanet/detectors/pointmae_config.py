"""Settings of the detectors on Point-MAE and Point-BERT features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gmanet.detectors.config import RegisteredConfig, at_least, one_of
from gmanet.errors import InputError

__all__ = ["ENCODERS", "M3DMConfig", "PointMAEConfig", "Reg3DADConfig"]

ENCODERS = ("pointmae", "pointbert")
"""Names of the encoders, transformers over patches of points."""


@dataclass(kw_only=True)
class PointMAEConfig(RegisteredConfig):
    """Settings of detectors on Point-MAE features.

    Args:
        name: ``patchcore_pointmae``.
        pool_size: Number of feature rows in memory while fitting, the same number of each cloud.
        encoder: ``pointmae`` or ``pointbert``.
        weights: File with official weights, which need ``width=384 depth=12 heads=6``; empty: the
            encoder is pre-trained on the normal clouds.
        width: Number of channels of a token.
        depth: Number of transformer blocks.
        heads: Number of attention heads.
        centers: Number of centers, the positions with a feature.  The reference code has 16384, for
            which the attention takes 16 times as long as for 4096: minutes per cloud on a CPU.
        group: Number of points of a patch.
        pose: Pose of the coordinates: ``registered``, ``principal`` or ``given``.
        pretraining: Number of steps of pre-training by masked reconstruction, without official
            weights.
    """

    name: str = "patchcore_pointmae"
    pool_size: int = 16384
    encoder: str = "pointmae"
    weights: str = ""
    width: int = 96
    depth: int = 4
    heads: int = 3
    centers: int = 4096
    group: int = 128
    pretraining: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights.split("/")[0] == "~":
            self.weights = str(Path(self.weights).expanduser())
        one_of("encoder", self.encoder, ENCODERS)
        at_least(self, centers=3, group=2, pretraining=0)

    @property
    def label(self) -> str:
        """Source of the encoder's weights: ``official weights`` or ``self-pretrained``."""
        return "official weights" if self.weights else "self-pretrained"


@dataclass(kw_only=True)
class M3DMConfig(PointMAEConfig):
    """M3DM's settings.

    Args:
        name: ``m3dm``.
        pose: Pose of the coordinates: ``given``, or ``principal`` or ``registered`` for parts in
            arbitrary poses.
        share: Size of the bank as a share of the pool; at most ``bank_size`` rows.
        reweight: Number of rows around the nearest row of the bank, including that row, that weight
            the object score; 1: no weight.
    """

    name: str = "m3dm"
    pose: str = "given"
    share: float = 0.1
    reweight: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.share <= 1:
            raise InputError(f"detector.share={self.share}, wanted more than 0 and at most 1")
        at_least(self, reweight=1)


@dataclass(kw_only=True)
class Reg3DADConfig(PointMAEConfig):
    """Reg3D-AD's settings.

    Args:
        name: ``reg3dad``.
    """

    name: str = "reg3dad"
