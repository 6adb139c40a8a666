"""R3D-AD's settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmanet.detectors.config import POSES, DetectorConfig
from gmanet.errors import InputError

__all__ = ["R3DADConfig"]

COUNTS = ("points", "code", "diffusion", "sampling", "reconstruction", "steps", "copies", "pairs")
"""Names of settings whose lowest value is 1."""


@dataclass(kw_only=True)
class R3DADConfig(DetectorConfig):
    """R3D-AD's settings; the defaults are the paper's.

    Args:
        name: ``r3dad``.
        object_rule: Rule of the object score.
        points: Number of points of a cloud that the networks read.
        pose: ``given``; ``registered`` or ``principal`` for parts that are scanned in any pose.
        encoder: Numbers of channels of the encoder's layers.
        code: Number of channels of the shape code.
        denoiser: Numbers of channels of the denoiser's hidden layers.
        diffusion: Number of steps of the forward process.
        sampling: Number of denoising steps when scoring, at most ``diffusion``.
        eta: Share of fresh noise in a denoising step: 1 is DDPM as in the paper, 0 is DDIM, which
            is better with few steps.
        reconstruction: Number of points in a reconstruction.
        steps: Number of optimizer steps.
        copies: Number of rotated copies of the normal clouds in one epoch.
        pairs: Number of copies in one step.
        abnormal: Share of the copies with a displaced patch.
        learning_rate: Initial learning rate of Adam.
    """

    name: str = "r3dad"
    object_rule: str = "max"
    points: int = 2048
    pose: str = "given"
    encoder: list[int] = field(default_factory=lambda: [128, 128, 256, 512])
    code: int = 256
    denoiser: list[int] = field(default_factory=lambda: [128, 256, 512, 256, 128])
    diffusion: int = 200
    sampling: int = 200
    eta: float = 1.0
    reconstruction: int = 2048
    steps: int = 40000
    copies: int = 2048
    pairs: int = 128
    abnormal: float = 1.0
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        self._refuse("pose", self.pose not in POSES, f"one of {', '.join(POSES)}")
        for name in COUNTS:
            self._refuse(name, getattr(self, name) < 1, "at least 1")
        for name in ("encoder", "denoiser"):
            widths = getattr(self, name)
            self._refuse(name, not widths or min(widths) < 1, "the channels of its layers")
        for name in ("eta", "abnormal"):
            self._refuse(name, not 0 <= getattr(self, name) <= 1, "between 0 and 1")
        self._refuse("learning_rate", not self.learning_rate > 0, "more than 0")
        most = self.diffusion
        self._refuse("sampling", self.sampling > most, f"at most detector.diffusion={most}")

    def _refuse(self, name: str, wrong: bool, wanted: str) -> None:
        if wrong:
            raise InputError(f"detector.{name}={getattr(self, name)!r}, wanted {wanted}")
