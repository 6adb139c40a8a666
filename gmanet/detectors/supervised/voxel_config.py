"""Settings of the supervised detectors over voxels; the defaults are those of the references."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmanet.detectors.config import at_least
from gmanet.detectors.supervised.config import SupervisedConfig, divides, levels
from gmanet.errors import InputError

__all__ = ["OACNNsConfig", "OctFormerConfig", "SpUNetConfig"]


@dataclass(kw_only=True)
class SpUNetConfig(SupervisedConfig):
    """SpUNet's settings.

    Args:
        name: ``spunet``.
        stem: Channels of the stem.
        widths: Channels of the levels on the way down, then on the way up.
        blocks: Residual blocks of the levels on the way down, then on the way up.
    """

    name: str = "spunet"
    stem: int = 32
    widths: list[int] = field(default_factory=lambda: [32, 64, 128, 256, 256, 128, 96, 96])
    blocks: list[int] = field(default_factory=lambda: [2, 3, 4, 6, 2, 2, 2, 2])

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, stem=1)
        levels(self, 2 * max(1, len(self.widths) // 2), widths=0, blocks=0)


@dataclass(kw_only=True)
class OctFormerConfig(SupervisedConfig):
    """OctFormer's settings.

    Args:
        name: ``octformer``.
        widths: Channels of the levels with attention, the finest first.
        blocks: Blocks of these levels.
        heads: Heads of these levels, each a divisor of its channels.
        window: Number of voxels in a window.
        dilation: Dilation of every second block.
        stem: Number of finer levels, without attention.
        pyramid: Channels of the pyramid of features.
        drop: Largest probability with which a block is skipped in training.
    """

    name: str = "octformer"
    widths: list[int] = field(default_factory=lambda: [96, 192, 384, 384])
    blocks: list[int] = field(default_factory=lambda: [2, 2, 18, 2])
    heads: list[int] = field(default_factory=lambda: [6, 12, 24, 24])
    window: int = 26
    dilation: int = 4
    stem: int = 2
    pyramid: int = 168
    drop: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, window=1, dilation=1, stem=0, pyramid=1, drop=0)
        levels(self, widths=0, blocks=0, heads=0)
        for heads, width in zip(self.heads, self.widths, strict=True):
            divides(heads, [width], what="heads")
        divides(2**self.stem, self.widths[:1], what="2 ** stem")
        if not self.drop < 1:
            raise InputError(f"detector.drop={self.drop}, wanted 0 or more and less than 1")


@dataclass(kw_only=True)
class OACNNsConfig(SupervisedConfig):
    """OA-CNNs' settings; there are four levels, with the cells of the reference.

    Args:
        name: ``oacnns``.
        stem: Channels of the stem.
        widths: Channels of the levels on the way down.
        blocks: Blocks of these levels.
        up: Channels of the levels on the way up, the finest first.
    """

    name: str = "oacnns"
    stem: int = 64
    widths: list[int] = field(default_factory=lambda: [64, 64, 128, 256])
    blocks: list[int] = field(default_factory=lambda: [3, 3, 9, 8])
    up: list[int] = field(default_factory=lambda: [256, 256, 256, 256])

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, stem=1)
        levels(self, 4, widths=0, blocks=0, up=0)
