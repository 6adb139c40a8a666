"""How twins are made."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmanet.errors import InputError
from gmanet.synthesis.attacks.table import ATTACKS
from gmanet.synthesis.deform import FAMILIES
from gmanet.synthesis.gma import SCORES

__all__ = ["CURVATURES", "KINDS", "SynthesisConfig"]

KINDS = ("surface", "paper", "noise", *ATTACKS)
"""Smooth deformations placed by GMA; Algorithm 1; w/o SPCG: random shifts, and the perturbations of
the paper's references [46]-[49]."""

CURVATURES = ("", "poisson", "local")
"""How GMA measures curvature; empty: ``poisson`` for ``paper``, ``local`` for the others."""


@dataclass
class SynthesisConfig:
    """How synthetic point cloud generation (SPCG, Algorithm 1) makes twins of normal clouds.

    Args:
        kind: One of :data:`KINDS`.
        twins: Number of twins; twin ``i`` is made from train cloud ``i mod n``.  Where there are
            fewer of them than train clouds, all clouds are learned from, too.
        fewest: Fewest defects on one twin (all kinds but ``paper``).
        most: Most defects on one twin.
        families: Share of each deformation family (``surface``).
        radius: Smallest and largest reach, as fractions of the diameter (``surface``).
        depth: Smallest and largest displacement, as fractions of the diameter (all kinds but
            ``paper``).
        guided: Share of defects placed by GMA's score; the others fall anywhere (``surface``).
        ratio: Share of the points that are added, removed or shifted (all kinds but ``surface``);
            0.015 in Algorithm 1.
        threshold: Least curvature of a region; 0.2 in Algorithm 1 (units: ``synthesis.gma``;
            ``surface`` and ``paper``).
        score: How distance and curvature make GMA's score: ``printed`` as they are, in lengths at a
            diameter of 30, or ``balanced``, each over its maximum (``synthesis.gma``; ``surface``
            and ``paper``).
        curvature: How it is measured: ``poisson`` as in Algorithm 1, or ``local``, in a hundredth
            of the time; empty: ``poisson`` for ``paper``, ``local`` for ``surface``.
    """

    kind: str = "surface"
    twins: int = 48
    fewest: int = 3
    most: int = 7
    families: dict[str, float] = field(
        default_factory=lambda: {
            "bump": 0.30,
            "groove": 0.22,
            "scar": 0.18,
            "bend": 0.12,
            "flatten": 0.09,
            "shift": 0.09,
        }
    )
    radius: list[float] = field(default_factory=lambda: [0.03, 0.16])
    depth: list[float] = field(default_factory=lambda: [0.003, 0.03])
    guided: float = 0.5
    ratio: float = 0.015
    threshold: float = 0.2
    score: str = "balanced"
    curvature: str = ""

    def __post_init__(self) -> None:
        _check("kind", self.kind, KINDS)
        _check("score", self.score, SCORES)
        _check("curvature", self.curvature, CURVATURES)
        if self.twins < 1:
            raise InputError(f"synthesis.twins={self.twins}, wanted at least 1")
        if not 1 <= self.fewest <= self.most:
            raise InputError(
                f"synthesis.fewest={self.fewest} and synthesis.most={self.most}, "
                "wanted 1 <= fewest <= most"
            )
        unknown = sorted(set(self.families) - set(FAMILIES))
        if unknown or not any(share > 0 for share in self.families.values()):
            raise InputError(
                f"synthesis.families={dict(self.families)}, "
                f"wanted positive shares of {', '.join(FAMILIES)}"
            )
        for name, low_high in (("radius", self.radius), ("depth", self.depth)):
            if len(low_high) != 2 or not 0 < low_high[0] <= low_high[1] <= 1:
                raise InputError(
                    f"synthesis.{name}={list(low_high)}, wanted [smallest, largest] between 0 and 1"
                )
        if not 0 < self.ratio < 0.5:
            raise InputError(f"synthesis.ratio={self.ratio}, wanted between 0 and 0.5")


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        wanted = ", ".join(word for word in known if word)
        raise InputError(f"synthesis.{name}={value!r}, wanted one of {wanted}")
