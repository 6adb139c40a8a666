"""GMANet's hyper-parameters."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmanet.detectors.base import DetectorConfig
from gmanet.detectors.gmanet.context_layout import PARTS
from gmanet.detectors.gmanet.expert_pretraining import PRETEXTS
from gmanet.errors import InputError

__all__ = ["GMANetConfig"]


@dataclass
class GMANetConfig(DetectorConfig):
    """GMANet's hyper-parameters.

    Args:
        name: ``gmanet``.
        object_rule: How point scores make an object score.
        points: Points that are kept of a cloud (every input point gets a score all the same).
        centers: Places, evenly spaced, where the networks learn.
        survey: Places, evenly spaced, where they answer first; all points that are kept if these
            are fewer.
        closer: Places, of the points that are kept, where they answer then: those with the highest
            scores so far, which decide about the object.
        smoothing: Size of the neighborhood over which scores are averaged: places in it if there
            are 4096 evenly spaced, 128 of the kept points at most; 1 turns it off.
        align: Lay clouds on the normal ones and read how far they are from these; where the normal
            clouds do not overlap, or differ too much among themselves, it does nothing.
        inputs: ``descriptors``; or ``raw`` coordinates, a control, in the pose of a normal cloud
            where ``align`` says so.
        without: Parts of the descriptors around a center that are left out, of ``close``, ``mean``,
            ``spread``, ``coarse`` and ``shapes`` (``detectors.gmanet.context_layout``).
        experts: Pairs of expert and apprentice whose discrepancies are averaged: one random expert
            alone finds some defects by luck of its draw.
        group: Channels of the set abstraction; 0 leaves it out.
        expert: Hidden channels of the expert's head.
        pretext: What an expert learns on normal clouds before it is frozen: ``none``, ``masked``,
            ``coarse`` or ``shapes`` (``detectors.gmanet.expert_pretraining``).
        pretraining: Steps that it takes.
        apprentice: Hidden channels of the apprentice's head.
        features: Channels of an answer.
        alpha: Exponent of the focal weights (Eq. 3); 0.01 in the paper.
        sdo: False leaves only the mean of ``d_n`` in the loss (the ablation w/o SDO).
        steps: Optimizer steps.
        pairs: Pairs of normal cloud and twin in one step.
        draw: Centers drawn of one pair.
        synthetic: Share of them on the twin's abnormal area.
        near: Share of them beside it.
        learning_rate: Peak of the one-cycle schedule.
        weight_decay: Of AdamW.
    """

    name: str = "gmanet"
    object_rule: str = "top"
    points: int = 16384
    centers: int = 4096
    survey: int = 2048
    closer: int = 1024
    smoothing: int = 24
    align: bool = True
    inputs: str = "descriptors"
    without: list[str] = field(default_factory=list)
    experts: int = 3
    group: int = 64
    expert: list[int] = field(default_factory=lambda: [128])
    pretext: str = "none"
    pretraining: int = 300
    apprentice: list[int] = field(default_factory=lambda: [128, 128])
    features: int = 64
    alpha: float = 0.01
    sdo: bool = True
    steps: int = 600
    pairs: int = 4
    draw: int = 128
    synthetic: float = 0.25
    near: float = 0.1
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        counts = ("centers", "survey", "smoothing", "experts", "features", "steps", "pairs", "draw")
        for name in (*counts, "pretraining"):
            if getattr(self, name) < 1:
                raise InputError(f"detector.{name}={getattr(self, name)}, wanted at least 1")
        self._check_inputs()
        if self.points < self.centers:
            raise InputError(
                f"detector.points={self.points}, wanted at least detector.centers={self.centers}"
            )
        for name in ("group", "alpha", "closer"):
            if getattr(self, name) < 0:
                raise InputError(f"detector.{name}={getattr(self, name)}, wanted 0 or more")
        if min(self.synthetic, self.near) < 0 or self.synthetic + self.near >= 1:
            raise InputError(
                f"detector.synthetic={self.synthetic} and detector.near={self.near}, "
                "wanted shares of 0 or more that leave room for normal centers"
            )

    def _check_inputs(self) -> None:
        for name, known in (("inputs", ("descriptors", "raw")), ("pretext", PRETEXTS)):
            if getattr(self, name) not in known:
                wanted = ", ".join(known)
                raise InputError(f"detector.{name}={getattr(self, name)!r}, wanted one of {wanted}")
        if unknown := sorted(set(self.without) - set(PARTS)):
            raise InputError(f"detector.without={unknown}, wanted some of {', '.join(PARTS)}")
        if self.inputs == "raw" and (self.without or self.pretext in PARTS):
            raise InputError("detector.inputs=raw has no parts that could be hidden or left out")
        if self.pretext in self.without:
            raise InputError(f"detector.pretext={self.pretext} is about a part that is left out")
        if set(self.without) == set(PARTS) and not (self.align or self.group):
            raise InputError("detector.without leaves nothing, wanted detector.group above 0")
