r"""GMANet (the paper, Section IV): where an apprentice departs from a frozen expert.

Both are PointNet++ encoders over the same points.  The expert's weights are random and never
change; the apprentice learns its answers on normal surface and to contradict them on the synthetic
surface of SPCG's twins (SDO, Eqs. 2-4).  At test time their distance is the score (Eq. 5).

What the paper leaves open is settled by measurement: inputs are descriptors in local frames,
the expert's answers are standardised on normal clouds (a raw random network answers nearly the
same everywhere), and features have unit length (``models.sdo``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from gmanet.data.dataset import CloudDataset
from gmanet.data.pairs import Draw
from gmanet.data.poses import Pose
from gmanet.data.raw import COORDINATES, RawReader
from gmanet.data.structured import StructureReader
from gmanet.detectors.base import Detector, DetectorConfig, Scores
from gmanet.errors import InputError
from gmanet.geometry.deviation import DEVIATION
from gmanet.geometry.structure import CONTEXT, DESCRIPTOR
from gmanet.models.atlas import Atlas
from gmanet.models.inputs import PARTS, channels
from gmanet.models.pointnet2 import Committee, PointNet2
from gmanet.models.pretext import PRETEXTS, pretrain
from gmanet.models.reference import Reference
from gmanet.models.scoring import propagate
from gmanet.models.sdo import discrepancy, sdo_loss

__all__ = ["GMANet", "GMANetConfig"]

OUTLIER = 8.0
"""Standardised inputs are clipped here, in standard deviations."""


@dataclass
class GMANetConfig(DetectorConfig):
    """GMANet's hyper-parameters.

    Args:
        name: ``gmanet``.
        object_rule: How point scores make an object score.
        points: Points that are kept of a cloud (every input point gets a score all the same).
        centers: Places where the networks answer.
        smoothing: Neighboring centers whose scores are averaged; 1 turns it off.
        align: Lay clouds on the normal ones and read how far they are from these; where the normal
            clouds do not overlap, or differ too much among themselves, it does nothing.
        inputs: ``descriptors``; or ``raw`` coordinates, a control, in the pose of a normal cloud
            where ``align`` says so.
        without: Parts of the descriptors around a center that are left out, of ``close``, ``mean``,
            ``spread``, ``coarse`` and ``shapes`` (``models.inputs``).
        experts: Pairs of expert and apprentice whose discrepancies are averaged: one random expert
            alone finds some defects by luck of its draw.
        group: Channels of the set abstraction; 0 leaves it out.
        expert: Hidden channels of the expert's head.
        pretext: What an expert learns on normal clouds before it is frozen: ``none``, ``masked``,
            ``coarse`` or ``shapes`` (``models.pretext``).
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
        counts = ("centers", "smoothing", "experts", "features", "steps", "pairs", "draw")
        for name in (*counts, "pretraining"):
            if getattr(self, name) < 1:
                raise InputError(f"detector.{name}={getattr(self, name)}, wanted at least 1")
        self._check_inputs()
        if self.points < self.centers:
            raise InputError(
                f"detector.points={self.points}, wanted at least detector.centers={self.centers}"
            )
        if self.group < 0 or self.alpha < 0:
            raise InputError("detector.group and detector.alpha, wanted 0 or more")
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


class GMANet(Detector):
    """A frozen expert, a trainable apprentice, and the SDO loss between them."""

    Config = GMANetConfig
    config: GMANetConfig
    pretrained: Tensor

    def __init__(self, config: GMANetConfig) -> None:
        super().__init__(config)
        self.steps, self.batch = config.steps, config.pairs
        self.draw = Draw(config.draw, config.synthetic, config.near)
        raw = config.inputs == "raw"
        self.atlas = Atlas() if config.align and not raw else None
        self.reference = Reference() if config.align and raw else None
        descriptor = COORDINATES if raw else DESCRIPTOR
        context = COORDINATES if raw else CONTEXT + DEVIATION * config.align
        self.channels = channels(config.without, context)
        self.expert = self._committee(config.expert, descriptor)
        self.apprentice = self._committee(config.apprentice, descriptor)
        self.expert.requires_grad_(False).eval()
        if config.pretext != "none":
            self.pretext_seed = int(torch.randint(2**31 - 1, ()))
            self.register_buffer("pretrained", torch.tensor(False))
        for name, shape in (
            ("descriptor", (descriptor,)),
            ("context", (context,)),
            ("answer", (config.experts, 1, config.features)),
        ):
            self.register_buffer(f"{name}_mean", torch.zeros(shape))
            self.register_buffer(f"{name}_scale", torch.ones(shape))

    def _committee(self, head: list[int], descriptor: int) -> Committee:
        config, inputs = self.config, (descriptor, len(self.channels), self.config.group)
        return Committee(config.experts, lambda: PointNet2(*inputs, list(head), config.features))

    def train(self, mode: bool = True) -> GMANet:
        """Switch the mode of everything but the expert, which stays in eval mode."""
        super().train(mode)
        self.expert.eval()
        return self

    def prepare(self, clouds: CloudDataset) -> None:
        """Lay the normal clouds on one another."""
        if self.atlas is not None:
            self.atlas.learn(clouds)
        if self.reference is not None:
            self.reference.learn(clouds[clouds.names.index(min(clouds.names))].pos)

    def reader(self) -> StructureReader:
        """Return what turns a cloud into its structure."""
        config, atlas = self.config, self.atlas
        alignment = None if atlas is None else atlas.alignment
        sizes = (config.points, config.centers, config.smoothing)
        if config.inputs == "raw":
            target = None if self.reference is None else self.reference.target
            return RawReader(*sizes, pose=Pose("given" if target is None else "registered", target))
        return StructureReader(*sizes, atlas is not None, alignment)

    def on_fit_start(self) -> None:
        """Standardise inputs and the expert's answers on the normal train clouds."""
        self.calibrate(self.trainer.datamodule.sample(8192))  # type: ignore[attr-defined]

    @torch.no_grad()
    def calibrate(self, normal: Data) -> None:
        """Set the standardisation from centers of normal clouds (``descriptor``, ``context``)."""
        normal = normal.to(self.device)
        self._fit_scale("descriptor", normal.descriptor.float().flatten(0, 1))
        self._fit_scale("context", normal.context.float())
        inputs = self._inputs(normal.descriptor, normal.local, normal.context)
        if self.config.pretext != "none" and not self.pretrained:
            generator = torch.Generator().manual_seed(self.pretext_seed)
            pretrain(self.expert, inputs, self.config.pretext, self.config.pretraining, generator)
            self.pretrained = torch.tensor(True, device=self.device)
        self._fit_scale("answer", self.expert(*inputs))

    def _fit_scale(self, name: str, values: Tensor) -> None:
        deviation = values.std(dim=-2, keepdim=values.ndim > 2)
        floor = 0.01 * deviation.mean() + 1e-6
        getattr(self, f"{name}_mean").copy_(values.mean(dim=-2, keepdim=values.ndim > 2))
        getattr(self, f"{name}_scale").copy_(deviation + floor)

    def _standard(self, name: str, values: Tensor) -> Tensor:
        mean, scale = getattr(self, f"{name}_mean"), getattr(self, f"{name}_scale")
        return torch.div(values.float() - mean, scale)

    def _inputs(self, descriptor: Tensor, local: Tensor, context: Tensor) -> tuple[Tensor, ...]:
        context = self._standard("context", context).clamp(-OUTLIER, OUTLIER)
        if len(self.channels) < context.shape[1]:
            context = context[:, self.channels]
        return self._standard("descriptor", descriptor), local.float(), context

    def forward(self, descriptor: Tensor, local: Tensor, context: Tensor) -> Tensor:
        """Return the discrepancies ``d`` of experts and apprentices (Eqs. 1, 2, 5), ``(E, M)``.

        Args:
            descriptor: Descriptors of each center's neighbors, with shape ``(M, K, C)``.
            local: Their places in the center's local frame, with shape ``(M, K, 6)``.
            context: Surroundings of the centers, with shape ``(M, D)``.
        """
        inputs = self._inputs(descriptor, local, context)
        with torch.no_grad():
            expert = self._standard("answer", self.expert(*inputs))
        return discrepancy(expert, self.apprentice(*inputs))

    def training_step(self, batch: Data, *_: Any) -> Tensor:
        """Return the SDO loss (Eq. 4) of drawn centers."""
        synthetic = batch.abnormal & self.config.sdo
        losses = [
            sdo_loss(d[~batch.abnormal], d[synthetic], self.config.alpha)
            for d in self(batch.descriptor, batch.local, batch.context)
        ]
        parts = {name: torch.stack([loss[name] for loss in losses]).mean() for name in losses[0]}
        count = len(batch.context)
        self.log_dict({f"train/{name}": part for name, part in parts.items()}, batch_size=count)
        return parts["loss"]

    def validation_step(self, batch: Data, *_: Any) -> Any:
        """Return the scores of a synthetic validation cloud, for the metric callback."""
        return self.score(batch)

    @torch.no_grad()
    def score(self, batch: Data) -> Scores:
        """Return scores of every input point and object of a batch of structured clouds."""
        descriptor, local, context = self._inputs(batch.descriptor, batch.local, batch.context)
        inputs = (descriptor, batch.groups, local, context)
        expert = self._standard("answer", self.expert.over(*inputs))
        centers = discrepancy(expert, self.apprentice.over(*inputs)).mean(dim=0)
        centers = centers[batch.around].mean(dim=1)
        points = propagate(centers, batch.near, batch.weight)
        return self.with_objects(points, batch)

    def configure_optimizers(self) -> Any:
        """Return AdamW on the apprentice with a one-cycle schedule over all steps."""
        optimizer = torch.optim.AdamW(
            self.apprentice.parameters(),
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.config.learning_rate, total_steps=self.config.steps
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
