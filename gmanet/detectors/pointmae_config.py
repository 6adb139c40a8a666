"""Settings of the detectors on Point-MAE and Point-BERT features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gmanet.detectors.config import RegisteredConfig, at_least, one_of
from gmanet.errors import InputError

__all__ = ["ENCODERS", "M3DMConfig", "PointMAEConfig", "Reg3DADConfig"]

ENCODERS = ("pointmae", "pointbert")
"""Transformers over patches."""


@dataclass(kw_only=True)
class PointMAEConfig(RegisteredConfig):
    """Settings of detectors on Point-MAE features.

    Args:
        name: ``patchcore_pointmae``.
        pool_size: Number of feature rows in memory while fitting, equally many of each cloud.
        encoder: ``pointmae`` or ``pointbert``.
        weights: File with official weights, which want ``width=384 depth=12 heads=6``; empty: the
            encoder is pre-trained on the normal clouds.
        width: Channels of a token.
        depth: Transformer blocks.
        heads: Attention heads.
        centers: Places with a feature; 16384 in the reference, where one cloud's attention alone is
            16 times the work of 4096, minutes on a processor.
        group: Points of a patch.
        pose: ``registered``, ``principal`` or ``given``.
        pretraining: Steps of masked reconstruction where there are no official weights.
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
        """Where the encoder's weights come from."""
        return "official weights" if self.weights else "self-pretrained"


@dataclass(kw_only=True)
class M3DMConfig(PointMAEConfig):
    """M3DM's settings.

    Args:
        name: ``m3dm``.
        pose: ``given``, or ``principal`` or ``registered`` for parts that lie in any pose.
        share: Share of the held rows that the bank keeps, ``bank_size`` at most.
        reweight: Rows that weigh an object's score; 1 turns it off.
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
