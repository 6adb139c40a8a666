"""Settings of the synthesis of twins."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmanet.errors import InputError
from gmanet.synthesis.attacks.table import ATTACKS

__all__ = ["CURVATURES", "KINDS", "SCORES", "SHARES", "SynthesisConfig"]

KINDS = ("surface", "paper", "noise", *ATTACKS)
"""Kinds of twins: smooth deformations at positions from GMA (``surface``), Algorithm 1
(``paper``), and, for the ablation w/o SPCG, random shifts (``noise``) and the perturbations of the
paper's references [46]-[49]."""

CURVATURES = ("", "poisson", "local")
"""Measures of curvature in GMA; empty: ``poisson`` for ``paper``, ``local`` for other kinds."""

SCORES = ("balanced", "printed")
"""Sums of distance and curvature in GMA (``synthesis.gma``)."""

SHARES = {"bump": 0.30, "groove": 0.22, "scar": 0.18, "bend": 0.12, "flatten": 0.09, "shift": 0.09}
"""Deformation family (``synthesis.deform.FAMILIES``) -> default share of the defects."""


@dataclass(kw_only=True)
class SynthesisConfig:
    """Settings of synthetic point cloud generation (SPCG, Algorithm 1).

    Args:
        kind: Kind of twins, one of :data:`KINDS`.
        twins: Number of twins; twin ``i`` is made from train cloud ``i mod n``.  Training uses all
            train clouds even if there are fewer twins; ``gmanet`` makes one twin of every train
            cloud, 224 at most, where that is more.
        rescans: Share of the twins that are scanned again, like their originals, with other
            density, noise and gaps (``synthesis.rescans``); ``gmanet`` only.
        fewest: Smallest number of defects on one twin (all kinds but ``paper``).
        most: Largest number of defects on one twin.
        families: Share of each deformation family (``surface``).
        radius: Smallest and largest radius of a defect, in diameters of the part (``surface``).
        depth: Smallest and largest displacement, in diameters of the part (all kinds but
            ``paper``).
        guided: Share of defects at positions drawn by GMA's score; the remaining positions are
            uniformly random (``surface``).
        ratio: Share of the points that are added, removed or shifted (all kinds but ``surface``);
            0.015 in Algorithm 1.
        threshold: Smallest curvature of a region; 0.2 in Algorithm 1 (units: ``synthesis.gma``;
            ``surface`` and ``paper``).
        score: Sum of distance and curvature that is GMA's score: ``printed``, of their values at a
            diameter of 30, or ``balanced``, of their shares of the maxima (``synthesis.gma``;
            ``surface`` and ``paper``).
        curvature: Measure of curvature: ``poisson`` as in Algorithm 1, or ``local``, in a hundredth
            of the time; if empty, ``poisson`` for ``paper`` and ``local`` for ``surface``.
    """

    kind: str = "surface"
    twins: int = 72
    rescans: float = 0.33
    fewest: int = 3
    most: int = 7
    families: dict[str, float] = field(default_factory=SHARES.copy)
    radius: list[float] = field(default_factory=lambda: [0.03, 0.16])
    depth: list[float] = field(default_factory=lambda: [0.003, 0.03])
    guided: float = 0.5
    ratio: float = 0.015
    threshold: float = 0.2
    score: str = "balanced"
    curvature: str = ""

    def __post_init__(self) -> None:
        _check("kind", self.kind, known=KINDS)
        _check("score", self.score, known=SCORES)
        _check("curvature", self.curvature, known=CURVATURES)
        if not 0 <= self.rescans <= 1:
            raise InputError(f"synthesis.rescans={self.rescans}, wanted 0 to 1")
        if self.twins < 1:
            raise InputError(f"synthesis.twins={self.twins}, wanted at least 1")
        if not 1 <= self.fewest <= self.most:
            raise InputError(
                f"synthesis.fewest={self.fewest} and synthesis.most={self.most}, "
                "wanted 1 <= fewest <= most"
            )
        unknown = sorted(set(self.families) - set(SHARES))
        if unknown or not any(share > 0 for share in self.families.values()):
            raise InputError(
                f"synthesis.families={dict(self.families)}, "
                f"wanted positive shares of {', '.join(SHARES)}"
            )
        for name, low_high in (("radius", self.radius), ("depth", self.depth)):
            if len(low_high) != 2 or not 0 < low_high[0] <= low_high[1] <= 1:
                raise InputError(
                    f"synthesis.{name}={list(low_high)}, wanted [smallest, largest] between 0 and 1"
                )
        if not 0 < self.ratio < 0.5:
            raise InputError(f"synthesis.ratio={self.ratio}, wanted between 0 and 0.5")


def _check(name: str, value: str, *, known: tuple[str, ...]) -> None:
    if value not in known:
        wanted = ", ".join(word for word in known if word)
        raise InputError(f"synthesis.{name}={value!r}, wanted one of {wanted}")
