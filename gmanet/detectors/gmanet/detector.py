r"""GMANet (the paper, Section IV): where an apprentice departs from a frozen expert.

Both are local encoders (``detectors.gmanet.encoder``), not the paper's PointNet++, which is in
``detectors.gmanet.paper``.  The expert's weights are random and never change; the apprentice learns
its answers on normal surface and to contradict them on the synthetic surface of SPCG's twins (SDO,
Eqs. 2-4).  At test time their distance is the score (Eq. 5).

What the paper leaves open is settled by measurement: inputs are descriptors in local frames,
the expert's answers are standardised on normal clouds (a raw random network answers nearly the
same everywhere), and features have unit length (``detectors.gmanet.sdo``).
"""

from __future__ import annotations

from math import ceil
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.base import Detector
from gmanet.detectors.gmanet.alignment import Atlas
from gmanet.detectors.gmanet.coarse_to_fine import coarse_to_fine
from gmanet.detectors.gmanet.config import GMANetConfig
from gmanet.detectors.gmanet.context_layout import channels
from gmanet.detectors.gmanet.coordinates import COORDINATES, RawReader
from gmanet.detectors.gmanet.descriptors import CONTEXT, DESCRIPTOR
from gmanet.detectors.gmanet.deviation import DEVIATION
from gmanet.detectors.gmanet.encoder import Committee, LocalEncoder
from gmanet.detectors.gmanet.expert_pretraining import pretrain
from gmanet.detectors.gmanet.pairs import PairDataset, PairSampling, make_training_set, pair_count
from gmanet.detectors.gmanet.reader import StructuredCloud, StructureReader
from gmanet.detectors.gmanet.sdo import discrepancy, sdo_loss
from gmanet.detectors.gmanet.standardizer import OUTLIER, Standardizer
from gmanet.detectors.training_set import TrainingPlan, TrainingSet
from gmanet.registration.canonical import Canonicalizer
from gmanet.registration.reference import Reference
from gmanet.synthesis.config import SynthesisConfig

__all__ = ["GMANet", "GMANetConfig"]

CALIBRATION = 8192
"""Centers of normal clouds that features are standardised on."""


class GMANet(Detector):
    """A frozen expert, a trainable apprentice, and the SDO loss between them."""

    Config = GMANetConfig
    config: GMANetConfig
    learns_from_twins = True
    pretrained: Tensor

    def __init__(self, config: GMANetConfig) -> None:
        super().__init__(config)
        self.steps, self.batch = config.steps, config.pairs
        self.sampling = PairSampling(config.centers_per_pair, config.synthetic, config.border_share)
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
        self.descriptors = Standardizer(descriptor)
        self.contexts = Standardizer(context)
        self.answers = Standardizer(config.experts, 1, config.features)

    def _committee(self, head: list[int], descriptor: int) -> Committee:
        config, inputs = self.config, (descriptor, len(self.channels), self.config.group)
        return Committee(config.experts, lambda: LocalEncoder(*inputs, list(head), config.features))

    def train(self, mode: bool = True) -> GMANet:
        """Switch the mode of everything but the expert, which stays in eval mode."""
        super().train(mode)
        self.expert.eval()
        return self

    def prepare(self, clouds: CloudDataset) -> None:
        """Lay the normal clouds on one another, or on what is stored already."""
        if self.atlas is not None:
            self.atlas.prepare(clouds)
        if self.reference is not None and not self.reference.fitted:
            self.reference.fit(clouds[clouds.names.index(min(clouds.names))].pos)

    def reader(self) -> StructureReader:
        """Return what turns a cloud into its structure."""
        config, atlas = self.config, self.atlas
        aligner = None if atlas is None else atlas.aligner
        sizes = (config.points, config.centers, config.coarse_queries)
        if config.inputs == "raw":
            target = None if self.reference is None else self.reference.target
            return RawReader(
                *sizes, pose=Canonicalizer("given" if target is None else "registered", target)
            )
        return StructureReader(*sizes, atlas is not None, aligner)

    def training_set(self, clouds: CloudDataset, plan: TrainingPlan) -> TrainingSet:
        """Return pairs of normal clouds and twins, from which every step draws centers."""
        return make_training_set(clouds, self.reader(), self.sampling, plan)

    def epochs(self, clouds: int, synthesis: SynthesisConfig) -> int:
        """Return the passes over all pairs that the steps amount to."""
        return ceil(self.steps / max(1, pair_count(clouds, synthesis) // self.batch))

    def on_fit_start(self) -> None:
        """Standardise inputs and the expert's answers on the normal train clouds."""
        pairs = self.trainer.datamodule.learned.items  # type: ignore[attr-defined]
        assert isinstance(pairs, PairDataset)
        self.calibrate(pairs.sample(CALIBRATION))

    @torch.no_grad()
    def calibrate(self, normal: Data) -> None:
        """Set the standardisation from centers of normal clouds (``descriptor``, ``context``)."""
        normal = normal.to(self.device)
        self.descriptors.fit(normal.descriptor.float().flatten(0, 1))
        self.contexts.fit(normal.context.float())
        inputs = self._inputs(normal.descriptor, normal.local, normal.context)
        if self.config.pretext != "none" and not self.pretrained:
            generator = torch.Generator().manual_seed(self.pretext_seed)
            pretrain(
                self.expert,
                inputs,
                pretext=self.config.pretext,
                steps=self.config.pretraining,
                generator=generator,
            )
            self.pretrained = torch.tensor(True, device=self.device)
        self.answers.fit(self.expert(*inputs))

    def _inputs(self, descriptor: Tensor, local: Tensor, context: Tensor) -> tuple[Tensor, ...]:
        context = self.contexts(context).clamp(-OUTLIER, OUTLIER)
        if len(self.channels) < context.shape[1]:
            context = context[:, self.channels]
        return self.descriptors(descriptor), local.float(), context

    def forward(self, descriptor: Tensor, local: Tensor, context: Tensor) -> Tensor:
        """Return the discrepancies ``d`` of experts and apprentices (Eqs. 1, 2, 5), ``(E, M)``.

        Args:
            descriptor: Descriptors of each center's neighbors, with shape ``(M, K, C)``.
            local: Their places in the center's local frame, with shape ``(M, K, 6)``.
            context: Surroundings of the centers, with shape ``(M, D)``.
        """
        inputs = self._inputs(descriptor, local, context)
        with torch.no_grad():
            expert = self.answers(self.expert(*inputs))
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

    def validation_step(self, record: Data, *_: Any) -> Any:
        """Return the scores of a synthetic validation cloud, for the metric callback."""
        return self.score_record(record)

    @torch.no_grad()
    def score_record(self, record: StructuredCloud) -> tuple[Tensor, Tensor]:
        """Return scores of the points of one structured cloud, ``(N,)``, and of the object."""
        scores = coarse_to_fine(
            record,
            self.reader(),
            score_queries=self._discrepancies,
            fine_queries=self.config.fine_queries,
            smoothing=self.config.smoothing,
        )
        return self.with_object(scores)

    def _discrepancies(self, places: StructuredCloud) -> Tensor:
        """Return the discrepancy at every place of a record, with shape ``(M,)`` (Eq. 5)."""
        descriptor, local, context = self._inputs(places.descriptor, places.local, places.context)
        inputs = (descriptor, places.groups, local, context)
        expert = self.answers(self.expert.over(*inputs))
        return discrepancy(expert, self.apprentice.over(*inputs)).mean(dim=0)

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
