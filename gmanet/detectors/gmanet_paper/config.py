"""Hyper-parameters of the paper's method as printed, and what the paper leaves open.

===================  ==========================================  ================================
open                 here                                        reason
===================  ==========================================  ================================
unit of coordinates  centroid 0, farthest point 1                usual input of PointNet++
network              segmentation network, without its head;     "backbone of PointNet++"; 128
                     single-scale grouping                       features at every point
weights of expert    random (``pretext``, ``weights``: others)   no pre-training is mentioned
its batch norm       statistics of the normal clouds             without them a random network
                                                                 answers the same everywhere
apprentice           own random weights, all layers learn        "of the same shape"
its batch norm       of each twin; of the normal clouds in the   scores depend on one cloud alone,
                     end (``statistics``: from the start)        gradients not on the processes
unit in Alg. 1       diameter 30 (``synthesis.gma``)             threshold .2 tells bent from flat
clusters             128 leaves of a KD-tree                     regions of about 1 % of a part
curvature            median over a cluster's mesh                meshes have spikes at borders
strength, mode       drawn evenly, anew for every twin           "randomly set"
add, remove          ``synthesis.algorithm1``                    not stated
twins                one of each cloud and epoch                 Algorithm 1 loops over the clouds
d_p in Eq. 3         mean of the point's own group               the text's "average"
Eq. 2                length of the difference                    the formula; the text says MSE
optimizer, steps     AdamW, one cycle, 800 steps                 20 minutes on two cores
clouds > 32768       read at 32768 points, others interpolated   time
object score         the highest point score                     not stated
===================  ==========================================  ================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gmanet.detectors.config import POSES, DetectorConfig, at_least, one_of
from gmanet.detectors.gmanet.config import PART_NAMES
from gmanet.errors import InputError
from gmanet.networks.pointnet2.layout import LAYOUTS, SSG

__all__ = ["CHANNELS", "DISTANCES", "PaperConfig"]

LEVELS = len(SSG.levels)
"""Number of set abstractions of the reference network."""

CHANNELS = ("normals", *PART_NAMES, "deviation")
"""Input features beside the coordinates, in their order: normals, the parts of the default
detector's context (``detectors.gmanet.context_layout``), the deviation from the normal clouds."""

DISTANCES = ("printed", "limited", "unit")
"""Eq. 2 as printed; Eq. 2 with a limit beyond which abnormal points are not pushed; the distance of
features of unit length."""

PRETEXTS = ("none", "curvature")
"""Pretext tasks of an expert; ``none`` leaves it random."""

STARTS = ("random", "expert")
"""Weights of the apprentice before training."""

STATISTICS = ("twin", "normal")
"""Statistics of the apprentice's batch normalization in training: of each twin, or fixed ones of
the normal clouds, as those of the expert are."""

TWINS = ("new", "stored")
"""Twins of an epoch: new ones of each cloud, or those that were made before training."""


@dataclass(kw_only=True)
class PaperConfig(DetectorConfig):
    """Hyper-parameters of the paper's method; what the paper states is the default.

    Args:
        name: ``gmanet_paper``.
        object_rule: Rule of the object score, a key of ``gmanet.detectors.config.OBJECT_RULES``.
        layout: ``ssg`` or ``msg``, single- or multi-scale grouping.
        levels: Number of set abstractions, the finest first, and of propagations.
        width: Factor of all widths of the layout.
        radius: Factor of all radii of the layout.
        channels: Input features beside the coordinates, of ``normals``, the parts of the default
            detector's context ``close``, ``mean``, ``spread``, ``coarse`` and ``shapes``, and
            ``deviation`` from the registered normal clouds.
        smoothing: Number of points over which scores are averaged; 1 turns it off.
        points: Largest number of points that the networks read of a cloud, by farthest point
            sampling; clouds with more points get interpolated scores.
        pose: ``given``, ``registered`` on a normal cloud, or ``principal`` axes.
        pretext: Pretext task of the expert on normal clouds before it is frozen: ``none``, or
            ``curvature`` of the surface.
        pretraining: Optimizer steps of the pretext task.
        weights: File with weights for the expert, a segmentation network in the layout of
            pointnet2_sem_seg; if empty, the weights are random.
        experts: Number of pairs of expert and apprentice whose discrepancies are averaged.
        start: Weights of the apprentice before training: ``random``, or those of the ``expert``.
        statistics: Statistics of the apprentice's batch normalization in training: those of each
            ``twin``, and of normal clouds in the end; or of ``normal`` clouds from the start.
        standardize: Whether features of both networks are standardized by those of the expert on
            normal clouds.
        distance: Discrepancy of expert and apprentice: ``printed``, ``limited`` or ``unit``
            (``detectors.gmanet_paper.detector``).
        alpha: Exponent of the focal weights (Eq. 3).
        sdo: Whether synthetic points are in the loss; if not, it is the mean of ``d_n`` (the
            ablation w/o SDO).
        twins: ``new`` for a new twin of each cloud in every epoch (Algorithm 1); ``stored`` for
            ``synthesis.twins`` twins, but at least one of each cloud, that are made before training
            as those of the default detector are.
        centers_per_pair: Number of points of a twin in Eqs. 2 to 4, drawn anew in each step; 0 for
            all points.
        synthetic: Share of the drawn points on the abnormal area.
        border_share: Share of the drawn points on its normal border.
        steps: Optimizer steps.
        pairs: Number of twins in one step; Eq. 4 is averaged over them.
        learning_rate: Peak learning rate of the one-cycle schedule.
        weight_decay: Weight decay of AdamW.
    """

    name: str = "gmanet_paper"
    object_rule: str = "max"
    layout: str = "ssg"
    levels: int = LEVELS
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
    statistics: str = "twin"
    standardize: bool = False
    distance: str = "printed"
    alpha: float = 0.01
    sdo: bool = True
    twins: str = "new"
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
        shape = (self.pretext, self.layout, self.levels, self.width, list(self.channels))
        if self.weights and shape != ("none", "ssg", LEVELS, 1, []):
            raise InputError(
                "detector.weights holds a trained expert, wanted pretext=none, layout=ssg, "
                f"levels={LEVELS}, width=1 and no channels"
            )

    def _check_names(self) -> None:
        names = {"layout": LAYOUTS, "pose": POSES, "pretext": PRETEXTS, "distance": DISTANCES}
        names |= {"start": STARTS, "statistics": STATISTICS, "twins": TWINS}
        for name, known in names.items():
            one_of(name, getattr(self, name), known)
        if unknown := sorted(set(self.channels) - set(CHANNELS)):
            raise InputError(f"detector.channels={unknown}, wanted some of {', '.join(CHANNELS)}")

    def _check_numbers(self) -> None:
        ones = ("smoothing", "pretraining", "experts", "steps", "pairs")
        at_least(self, points=64, alpha=0, centers_per_pair=0, **dict.fromkeys(ones, 1))
        if not 1 <= self.levels <= LEVELS:
            raise InputError(f"detector.levels={self.levels}, wanted 1 to {LEVELS}")
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
        """Source of the expert's weights, if it is a file."""
        return "weights of a file" if self.weights else ""
