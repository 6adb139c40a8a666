"""The hyper-parameters of the paper's method as printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gmanet.detectors.base import DetectorConfig
from gmanet.detectors.gmanet.paper_reader import CHANNELS
from gmanet.errors import InputError
from gmanet.networks.pointnet2.layout import LAYOUTS
from gmanet.registration.canonical import POSES

__all__ = ["DISTANCES", "PaperConfig"]

DISTANCES = ("printed", "limited", "unit")
"""Eq. 2 as printed; the same, but pushing abnormal points apart up to a limit only; between
features of unit length."""

PRETEXTS = ("none", "curvature")

STARTS = ("random", "expert")


@dataclass
class PaperConfig(DetectorConfig):
    """The hyper-parameters of the paper's method; the defaults are as printed, where it says them.

    Args:
        name: ``gmanet_paper``.
        object_rule: How point scores make an object score.
        layout: ``ssg`` or ``msg``, single- or multi-scale grouping.
        width: Factor of all widths of the layout.
        radius: Factor of all radii of the layout.
        channels: What the networks read beside the coordinates, of ``normals``, the parts of the
            default detector's context ``close``, ``mean``, ``spread``, ``coarse`` and ``shapes``,
            and ``deviation`` from the registered normal clouds.
        smoothing: Number of points over which scores are averaged; 1 turns it off.
        points: Largest number of points that the networks read of a cloud, by farthest point
            sampling; clouds with more points get interpolated scores.
        pose: ``given``, ``registered`` on a normal cloud, or ``principal`` axes.
        pretext: What the expert learns on normal clouds before it is frozen: ``none``, or
            ``curvature`` of the surface.
        pretraining: Optimizer steps of the pretext task.
        weights: File with weights for the expert, a segmentation network in the layout of
            pointnet2_sem_seg; empty: none.
        experts: Number of pairs of expert and apprentice whose discrepancies are averaged.
        start: Weights that the apprentice begins with: ``random``, or those of the ``expert``.
        standardize: Whether the expert's answers are standardized on normal clouds.
        distance: Discrepancy of expert and apprentice: ``printed``, ``limited`` or ``unit``
            (``detectors.gmanet.paper``).
        alpha: Exponent of the focal weights (Eq. 3).
        sdo: False leaves only the mean of ``d_n`` in the loss (the ablation w/o SDO).
        centers_per_pair: Points of a twin that enter Eqs. 2 to 4, drawn anew in each step; 0: all.
        synthetic: Share of the drawn points on the abnormal area.
        border_share: Share of the drawn points on its normal border.
        steps: Optimizer steps.
        pairs: Twins in one step; Eq. 4 is averaged over them.
        learning_rate: Peak of the one-cycle schedule.
        weight_decay: Weight decay of AdamW.
    """

    name: str = "gmanet_paper"
    object_rule: str = "max"
    layout: str = "ssg"
    width: float = 1.0
    radius: float = 1.0
    channels: list[str] = field(default_factory=list)
    smoothing: int = 1
    points: int = 32768
    pose: str = "given"
    pretext: str = "none"
    pretraining: int = 200
    weights: str = ""
    experts: int = 1
    start: str = "random"
    standardize: bool = False
    distance: str = "printed"
    alpha: float = 0.01
    sdo: bool = True
    centers_per_pair: int = 0
    synthetic: float = 0.25
    border_share: float = 0.1
    steps: int = 800
    pairs: int = 1
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights.split("/")[0] == "~":
            self.weights = str(Path(self.weights).expanduser())
        self._check_names()
        self._check_numbers()
        shape = (self.pretext, self.layout, self.width, list(self.channels))
        if self.weights and shape != ("none", "ssg", 1, []):
            raise InputError(
                "detector.weights holds a trained expert, wanted pretext=none, layout=ssg, width=1 "
                "and no channels"
            )

    def _check_names(self) -> None:
        names = {"layout": LAYOUTS, "pose": POSES, "pretext": PRETEXTS, "distance": DISTANCES}
        for name, known in (names | {"start": STARTS}).items():
            if getattr(self, name) not in known:
                wanted = ", ".join(known)
                raise InputError(f"detector.{name}={getattr(self, name)!r}, wanted one of {wanted}")
        if unknown := sorted(set(self.channels) - set(CHANNELS)):
            raise InputError(f"detector.channels={unknown}, wanted some of {', '.join(CHANNELS)}")

    def _check_numbers(self) -> None:
        ones = ("smoothing", "pretraining", "experts", "steps", "pairs")
        least = {"points": 64, **dict.fromkeys(ones, 1), "alpha": 0, "centers_per_pair": 0}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise InputError(f"detector.{name}={getattr(self, name)}, wanted at least {value}")
        for name in ("width", "radius"):
            if not getattr(self, name) > 0:
                raise InputError(f"detector.{name}={getattr(self, name)}, wanted more than 0")
        shares = (self.synthetic, self.border_share)
        if min(shares) < 0 or sum(shares) >= 1:
            raise InputError(
                f"detector.synthetic={shares[0]} and detector.border_share={shares[1]}, wanted "
                "shares of 0 or more that leave room for normal points"
            )

    @property
    def label(self) -> str:
        """Where the expert's weights come from."""
        return "weights of a file" if self.weights else ""
