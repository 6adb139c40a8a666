r"""GMANet (the paper, Section IV): the score is the discrepancy of an apprentice and an expert.

Expert and apprentice are local encoders (``detectors.gmanet.encoder``), not the paper's PointNet++,
which is in ``detectors.gmanet_paper``.  The expert's weights are random and frozen; the apprentice
learns to predict the expert's features on normal surface, and to differ from them on the synthetic
surface of SPCG's twins (SDO, Eqs. 2-4).  At test time the distance between their features is the
score (Eq. 5).

Choices that the paper leaves open were made by experiments: inputs are descriptors in local frames,
the expert's features are standardized on normal clouds (those of a random network are nearly the
same everywhere), and features have unit length (``detectors.gmanet.sdo``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from gmanet.cloud import Cloud, Floats
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
from gmanet.detectors.gmanet.held_out import HeldOutReader, as_if_new
from gmanet.detectors.gmanet.one_cycle import one_cycle
from gmanet.detectors.gmanet.pairs import PairDataset, PairSampling
from gmanet.detectors.gmanet.reader import StructuredCloud, StructureReader
from gmanet.detectors.gmanet.scale import StoredScale
from gmanet.detectors.gmanet.sdo import discrepancy, sdo_loss
from gmanet.detectors.gmanet.signed_deviation import signed_deviation
from gmanet.detectors.gmanet.standardizer import OUTLIER, Standardizer
from gmanet.detectors.gmanet.training_pairs import make_training_set, pair_count, step_count
from gmanet.detectors.reference import Reference
from gmanet.detectors.training_set import TrainingPlan, TrainingSet
from gmanet.registration.canonical import Canonicalizer
from gmanet.synthesis.config import SynthesisConfig

if TYPE_CHECKING:
    from torch_geometric.data import Data

__all__ = ["GMANet", "GMANetConfig"]

CALIBRATION = 8192
"""Number of centers of normal clouds on which features are standardized."""


class GMANet(Detector):
    """A frozen expert, a trainable apprentice, and the SDO loss between them."""

    Config = GMANetConfig
    config: GMANetConfig
    stages: ClassVar[Mapping[str, str]] = {
        "detectors.gmanet.alignment": "model",
        "detectors.gmanet.encoder": "model",
        "detectors.gmanet.sdo": "model",
        "detectors.gmanet.standardizer": "model",
    }
    learns_from_twins = True
    learns_from_rescans = True
    finds_missing = True
    pretrained: Tensor

    def __init__(self, config: GMANetConfig) -> None:
        super().__init__(config)
        self.steps, self.batch = config.steps, config.pairs
        self.sampling = PairSampling(
            centers=config.centers_per_pair, synthetic=config.synthetic, border=config.border_share
        )
        raw = config.inputs == "raw"
        self.atlas = Atlas() if config.align and not raw else None
        self.reference = Reference() if config.align and raw else None
        descriptor = COORDINATES if raw else DESCRIPTOR
        context = COORDINATES if raw else CONTEXT + DEVIATION * config.align
        self.sizes = StoredScale()
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
        """Set the mode of all modules but the expert, which stays in eval mode."""
        super().train(mode)
        self.expert.eval()
        return self

    def prepare(self, clouds: CloudDataset) -> None:
        """Register the normal clouds on one another, and plan steps for their number."""
        self.steps = step_count(len(clouds), self.config.steps)
        self.sizes.fit(clouds, self.config.points)
        if self.atlas is not None:
            self.atlas.prepare(clouds)
        if self.reference is not None and not self.reference.fitted:
            self.reference.fit(clouds[clouds.names.index(min(clouds.names))].pos)

    def reader(self) -> StructureReader:
        """Return the function from a cloud to its structure."""
        config, atlas = self.config, self.atlas
        shared: dict[str, Any] = {
            **{"points": config.points, "centers": config.centers},
            **{"coarse_queries": config.coarse_queries, "scale": self.sizes.scale},
        }
        if config.inputs == "raw":
            target = None if self.reference is None else self.reference.target
            pose = Canonicalizer("given" if target is None else "registered", target)
            return RawReader(**shared, pose=pose)
        aligner = None if atlas is None else atlas.aligner
        return StructureReader(**shared, aligned=atlas is not None, aligner=aligner)

    def good_deviation(self, cloud: Cloud) -> Floats | None:
        """Return the height of each point over the normal clouds; None without alignment."""
        aligner = None if self.atlas is None else self.atlas.aligner
        return None if aligner is None else signed_deviation(cloud, aligner)

    def held_out_reader(self) -> HeldOutReader:
        """Return the reader of normal clouds without their own surfaces."""
        return HeldOutReader(self.reader())

    def held_out_scores(
        self, records: Iterable[Data], *, each: Callable[[Tensor], None] | None = None
    ) -> list[float]:
        """Return the scores of the base class as if the clouds had not been learned from."""
        shown = None if each is None else lambda points: each(as_if_new(points))
        scores = super().held_out_scores(records, each=shown)
        return as_if_new(torch.tensor(scores, dtype=torch.float64)).tolist()

    def training_set(self, clouds: CloudDataset, plan: TrainingPlan) -> TrainingSet:
        """Return pairs of normal clouds and twins, from which every step samples centers."""
        usable = clouds if self.atlas is None else self.atlas.usable(clouds)
        return make_training_set(usable, self.reader(), sampling=self.sampling, plan=plan)

    def epochs(self, clouds: int, synthesis: SynthesisConfig) -> int:
        """Return the number of passes over all pairs that all steps need."""
        return ceil(self.steps / max(1, pair_count(clouds, synthesis) // self.batch))

    def on_fit_start(self) -> None:
        """Standardize inputs and the expert's features on the normal train clouds."""
        pairs = self.trainer.datamodule.learned.items  # type: ignore[attr-defined]
        assert isinstance(pairs, PairDataset)
        self.calibrate(pairs.sample(CALIBRATION))

    @torch.no_grad()
    def calibrate(self, normal: Data) -> None:
        """Fit the standardizers, and pre-train the expert if a pretext task is set.

        Args:
            normal: Centers of normal clouds, with the inputs ``descriptor``, ``local`` and
                ``context``.
        """
        normal = normal.to(self.device)
        self.descriptors.fit(normal.descriptor.float().flatten(0, 1))
        self.contexts.fit(normal.context.float())
        inputs = self._inputs(normal.descriptor, normal.local, context=normal.context)
        if self.config.pretext != "none" and not self.pretrained:
            generator = torch.Generator().manual_seed(self.pretext_seed)
            pretext, steps = self.config.pretext, self.config.pretraining
            pretrain(self.expert, inputs, pretext=pretext, steps=steps, generator=generator)
            self.pretrained = torch.tensor(True, device=self.device)
        self.answers.fit(self.expert(*inputs))

    def _inputs(self, descriptor: Tensor, local: Tensor, *, context: Tensor) -> tuple[Tensor, ...]:
        context = self.contexts(context).clamp(-OUTLIER, OUTLIER)
        if len(self.channels) < context.shape[1]:
            context = context[:, self.channels]
        return self.descriptors(descriptor), local.float(), context

    def forward(self, descriptor: Tensor, local: Tensor, context: Tensor) -> Tensor:
        """Return the discrepancies ``d`` of experts and apprentices (Eqs. 1, 2, 5), ``(E, M)``.

        Args:
            descriptor: Descriptors of each center's neighbors, with shape ``(M, K, C)``.
            local: Coordinates and normals of the neighbors in the center's local frame, with shape
                ``(M, K, 6)``.
            context: Descriptors of each center's wider neighborhood, with shape ``(M, D)``.
        """
        inputs = self._inputs(descriptor, local, context=context)
        with torch.no_grad():
            expert = self.answers(self.expert(*inputs))
        return discrepancy(expert, self.apprentice(*inputs))

    def training_step(self, batch: Data, *_: Any) -> Tensor:
        """Return the SDO loss (Eq. 4) of sampled centers."""
        synthetic = batch.abnormal & self.config.sdo
        losses = [
            sdo_loss(d[~batch.abnormal], d[synthetic], alpha=self.config.alpha)
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

    def compared(self, queries: StructuredCloud) -> tuple[Tensor, Tensor]:
        """Return the features of expert and apprentice at the queries (Eq. 1), ``(E, M, C)``."""
        descriptor, local, context = self._inputs(
            queries.descriptor, queries.local, context=queries.context
        )
        inputs = (descriptor, queries.groups, local, context)
        return self.answers(self.expert.over(*inputs)), self.apprentice.over(*inputs)

    def _discrepancies(self, queries: StructuredCloud) -> Tensor:
        """Return the discrepancy at every query of a record, with shape ``(M,)`` (Eq. 5)."""
        return discrepancy(*self.compared(queries)).mean(dim=0)

    def configure_optimizers(self) -> Any:
        """Return AdamW on the apprentice with a one-cycle schedule over all steps."""
        return one_cycle(
            self.apprentice.parameters(),
            learning_rate=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            steps=self.steps,
        )
