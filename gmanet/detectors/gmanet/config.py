"""Hyper-parameters of GMANet, and of the memory bank of its descriptors."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmanet.detectors.config import DetectorConfig, MemoryConfig
from gmanet.errors import InputError

__all__ = ["PART_NAMES", "PRETEXTS", "ContextBankConfig", "GMANetConfig"]

PART_NAMES = ("close", "mean", "spread", "coarse", "shapes", "rims", "conditions")
"""Named parts of the descriptors around a center (``detectors.gmanet.context_layout``)."""

PRETEXTS = ("none", "masked", "coarse", "shapes")
"""Pretext tasks of an expert; ``none`` leaves it random."""


@dataclass(kw_only=True)
class GMANetConfig(DetectorConfig):
    """GMANet's hyper-parameters.

    Args:
        name: ``gmanet``.
        object_rule: Rule of the object score, a key of ``gmanet.detectors.config.OBJECT_RULES``.
        points: Number of points to which a cloud is subsampled; every input point gets a score.
        centers: Number of evenly spaced positions at which the networks learn.
        coarse_queries: Number of evenly spaced positions that are scored first; at most ``points``.
        fine_queries: Number of subsampled points, those with the highest coarse scores, that are
            scored in a second pass; they decide the object score.
        smoothing: Size of the neighborhood over which scores are averaged, as the number of points
            in it if 4096 points were evenly spaced over the cloud; it holds at most 128 subsampled
            points; 1 turns smoothing off.
        align: Whether clouds are registered on the normal clouds, and the deviation from these is
            an input; without effect with a single normal cloud.
        inputs: ``descriptors``, or ``raw`` coordinates as a control, which are read in the pose of
            a normal cloud if ``align`` is set.
        without: Parts of the descriptors around a center that are left out, of ``close``, ``mean``,
            ``spread``, ``coarse``, ``shapes``, ``rims`` and ``conditions``
            (``detectors.gmanet.context_layout``).
        experts: Number of pairs of expert and apprentice, whose discrepancies are averaged: the
            scores of a single random expert depend on its weights.
        group: Channels of the set abstraction; 0 leaves it out.
        expert: Hidden channels of the expert's head.
        pretext: Pretext task of the expert on normal clouds before it is frozen: ``none``,
            ``masked``, ``coarse`` or ``shapes`` (``detectors.gmanet.expert_pretraining``).
        pretraining: Optimizer steps of the pretext task.
        apprentice: Hidden channels of the apprentice's head.
        features: Output channels of expert and apprentice.
        alpha: Exponent of the focal weights (Eq. 3); 0.01 in the paper.
        sdo: Whether synthetic points are in the loss; if not, it is the mean of ``d_n`` (the
            ablation w/o SDO).
        steps: Optimizer steps for up to 48 normal clouds; more clouds take up to twice as
            many.
        pairs: Pairs of normal cloud and twin in one step.
        centers_per_pair: Number of centers that a step samples from one pair.
        synthetic: Share of the sampled centers on the twin's abnormal area.
        border_share: Share of the sampled centers on the normal border of the abnormal area.
        learning_rate: Peak learning rate of the one-cycle schedule.
        weight_decay: Weight decay of AdamW.
    """

    name: str = "gmanet"
    object_rule: str = "top"
    points: int = 16384
    centers: int = 4096
    coarse_queries: int = 2048
    fine_queries: int = 1024
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
    steps: int = 900
    pairs: int = 4
    centers_per_pair: int = 128
    synthetic: float = 0.25
    border_share: float = 0.1
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        counts = ("centers", "coarse_queries", "smoothing", "experts", "features", "steps", "pairs")
        for name in (*counts, "centers_per_pair", "pretraining"):
            if getattr(self, name) < 1:
                raise InputError(f"detector.{name}={getattr(self, name)}, wanted at least 1")
        self._check_inputs()
        if self.points < self.centers:
            raise InputError(
                f"detector.points={self.points}, wanted at least detector.centers={self.centers}"
            )
        for name in ("group", "alpha", "fine_queries"):
            if getattr(self, name) < 0:
                raise InputError(f"detector.{name}={getattr(self, name)}, wanted 0 or more")
        synthetic, border = self.synthetic, self.border_share
        if min(synthetic, border) < 0 or synthetic + border >= 1:
            raise InputError(
                f"detector.synthetic={synthetic} and detector.border_share={border}, wanted "
                "shares of 0 or more that leave room for normal centers"
            )

    def _check_inputs(self) -> None:
        for name, known in (("inputs", ("descriptors", "raw")), ("pretext", PRETEXTS)):
            if getattr(self, name) not in known:
                wanted = ", ".join(known)
                raise InputError(f"detector.{name}={getattr(self, name)!r}, wanted one of {wanted}")
        if unknown := sorted(set(self.without) - set(PART_NAMES)):
            raise InputError(f"detector.without={unknown}, wanted some of {', '.join(PART_NAMES)}")
        if self.inputs == "raw" and (self.without or self.pretext in PART_NAMES):
            raise InputError("detector.inputs=raw has no parts that could be hidden or left out")
        if self.pretext in self.without:
            raise InputError(f"detector.pretext={self.pretext} is about a part that is left out")
        if set(self.without) == set(PART_NAMES) and not (self.align or self.group):
            raise InputError("detector.without leaves nothing, wanted detector.group above 0")


@dataclass(kw_only=True)
class ContextBankConfig(MemoryConfig):
    """Settings of the memory bank of GMANet's descriptors.

    Args:
        name: ``contexts``.
        object_rule: Rule of the object score, a key of ``gmanet.detectors.config.OBJECT_RULES``.
        points: Number of points to which a cloud is subsampled.
        centers: Number of centers of a train cloud, the positions with a feature.
        coarse_queries: Number of positions that are scored first, as for GMANet.
        fine_queries: Number of points that are scored in a second pass, as for GMANet.
        smoothing: Size of the neighborhood over which scores are averaged, as for GMANet.
        align: Whether the distance to registered normal clouds is among the features.
        without: Parts of the descriptors that are left out, as for GMANet; a bank of clouds that
            were scanned alike learns nothing from ``conditions``.
        share: Size of the bank as a share of the pool; at most ``bank_size`` rows.
    """

    name: str = "contexts"
    object_rule: str = "top"
    points: int = 16384
    centers: int = 4096
    coarse_queries: int = 2048
    fine_queries: int = 1024
    smoothing: int = 24
    align: bool = False
    without: list[str] = field(default_factory=lambda: ["conditions"])
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.centers <= self.points:
            raise InputError(
                f"detector.centers={self.centers} and detector.points={self.points}, "
                "wanted 1 <= centers <= points"
            )
        if min(self.coarse_queries, self.smoothing) < 1 or self.fine_queries < 0:
            raise InputError(
                f"detector.coarse_queries={self.coarse_queries}, "
                f"detector.smoothing={self.smoothing} and "
                f"detector.fine_queries={self.fine_queries}, wanted 1 or more, 1 or more and 0 or "
                "more"
            )
        if not 0 < self.share <= 1:
            raise InputError(f"detector.share={self.share}, wanted more than 0 and at most 1")
        if unknown := sorted(set(self.without) - set(PART_NAMES)):
            raise InputError(f"detector.without={unknown}, wanted some of {', '.join(PART_NAMES)}")
        if set(self.without) == set(PART_NAMES) and not self.align:
            raise InputError("detector.without leaves nothing, wanted detector.align=true")
