r"""The paper's method as printed (Section IV): PointNet++ on raw coordinates.

A twin is made of every normal cloud in every epoch (Algorithm 1; ``twins=stored`` keeps them).
Two PointNet++ of one shape give features at every point of the twin (Eq. 1); the expert is frozen.
Their distances (Eq. 2) are pulled together at normal and pushed apart at synthetic points (Eqs. 3
and 4, ``detectors.gmanet.sdo``), and are the scores of a test cloud's points (Eq. 5).

What the paper leaves open is listed in ``detectors.gmanet_paper.config``.

Eq. 4 has no lower bound: :math:`d_s` of features without a limit grows for as long as a fit goes on
(``tests/detectors/test_gmanet_paper.py`` shows it).  ``distance=limited`` is the nearest that
trains to an end: :math:`d_s` counts up to the mean length of the expert's features on the twin, and
what is farther is not pushed.  ``distance=unit`` is what the default detector does: both features
have unit length.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.alignment import Atlas
from gmanet.detectors.gmanet.one_cycle import one_cycle
from gmanet.detectors.gmanet.pairs import PairSampling
from gmanet.detectors.gmanet.scale import StoredScale
from gmanet.detectors.gmanet.sdo import discrepancy, distance, sdo_loss
from gmanet.detectors.gmanet.standardizer import OUTLIER, Standardizer
from gmanet.detectors.gmanet.training_pairs import twin_count
from gmanet.detectors.gmanet_paper.config import PaperConfig
from gmanet.detectors.gmanet_paper.curvature_pretext import learn_curvature
from gmanet.detectors.gmanet_paper.reader import PaperReader, channel_count, make_reader
from gmanet.detectors.gmanet_paper.twins import TwinHierarchies, make_twin_set
from gmanet.detectors.registered import Registered
from gmanet.detectors.training_set import TrainingPlan, TrainingSet
from gmanet.geometry.neighbors import interpolate
from gmanet.networks.pointnet2.hierarchy import Hierarchy
from gmanet.networks.pointnet2.layout import LAYOUTS
from gmanet.networks.pointnet2.neighbors import nearest
from gmanet.networks.pointnet2.network import PointNet2, estimate_statistics
from gmanet.networks.pointnet2.pretrained_weights import load_backbone
from gmanet.synthesis.config import SynthesisConfig

__all__ = ["GMANetPaper", "PaperConfig"]

SEEN = 8
"""Largest number of normal clouds on which statistics are estimated."""


class GMANetPaper(Registered):
    """A frozen PointNet++, a trainable PointNet++, and the SDO loss over all points of a twin."""

    Config = PaperConfig
    config: PaperConfig
    learns_from_twins = True
    trained: Tensor
    seed: Tensor

    def __init__(self, config: PaperConfig) -> None:
        super().__init__(config)
        self.steps, self.batch = config.steps, config.pairs
        self.set_pose(config.pose)
        layout = LAYOUTS[config.layout].finest(config.levels)
        self.layout = layout.scaled(width=config.width, radius=config.radius)
        self.sizes = StoredScale()
        self.atlas = Atlas() if "deviation" in config.channels else None
        self.channels = channel_count(config.channels)
        self.features = Standardizer(self.channels)
        self.expert = self._networks()
        self.apprentice = self._networks()
        self.expert.requires_grad_(False)
        self.train()  # Lightning keeps the modes as they are
        self.answers = Standardizer(config.experts, 1, self.layout.features)
        self.register_buffer("trained", torch.tensor(False))
        self.register_buffer("seed", torch.randint(2**31 - 1, ()))

    def _networks(self) -> nn.ModuleList:
        return nn.ModuleList(
            PointNet2(self.layout, self.channels) for _ in range(self.config.experts)
        )

    def train(self, mode: bool = True) -> GMANetPaper:
        """Set the mode of all modules but those with fixed statistics, which stay in eval mode."""
        super().train(mode)
        self.expert.eval()
        if self.config.statistics == "normal":
            self.apprentice.eval()
        return self

    def prepare(self, clouds: CloudDataset) -> None:
        """Store the reference of registered poses, and load the expert's weights from a file."""
        super().prepare(clouds)
        if self.config.channels:
            self.sizes.fit(clouds, self.config.points)
        if self.atlas is not None:
            self.atlas.prepare(clouds)
        if self.config.weights and not self.trained:
            for network in self.expert:
                assert isinstance(network, PointNet2)
                load_backbone(network, self.config.weights)
            self.trained.fill_(True)

    def reader(self) -> PaperReader:
        """Return the function from a cloud to its hierarchy."""
        config, pose, sizes = self.config, self.pose, self.sizes
        return make_reader(config, self.layout, pose=pose, sizes=sizes, atlas=self.atlas)

    def training_set(self, clouds: CloudDataset, plan: TrainingPlan) -> TrainingSet:
        """Return the training set: twins that are new in every epoch, or stored ones."""
        config = self.config
        stored = twin_count(len(clouds), plan.synthesis) if config.twins == "stored" else 0
        sampling = PairSampling(
            centers=config.centers_per_pair, synthetic=config.synthetic, border=config.border_share
        )
        return make_twin_set(clouds, self.reader(), sampling=sampling, plan=plan, stored=stored)

    def epochs(self, clouds: int, synthesis: SynthesisConfig) -> int:
        """Return the number of passes over the twins of an epoch that all steps need."""
        if self.config.twins == "stored":
            clouds = twin_count(clouds, synthesis)
        return ceil(self.steps / max(1, clouds // self.batch))

    def on_fit_start(self) -> None:
        """Set statistics, pre-train the expert if a pretext task is set, and set the start."""
        begun = bool(self.trained)
        self.see(self._normal())
        if begun:
            return
        if self.config.start == "expert":
            self.apprentice.load_state_dict(self.expert.state_dict())
        elif self.config.statistics == "normal":
            self._set_statistics()

    def on_fit_end(self) -> None:
        """Set the apprentice's statistics for scoring to those of normal clouds."""
        if self.config.statistics == "twin":
            self._set_statistics()

    def _set_statistics(self) -> None:
        records = self._normal()
        for network in self.apprentice:
            estimate_statistics(network, self._inputs(records))

    def _normal(self) -> list[Hierarchy]:
        twins = self.trainer.datamodule.learned.items  # type: ignore[attr-defined]
        assert isinstance(twins, TwinHierarchies)
        return [record.to(self.device) for record in twins.normal(SEEN)]

    @torch.no_grad()
    def see(self, records: list[Hierarchy]) -> None:
        """Fit the standardizers and the expert's statistics; pre-train it if a pretext task is set.

        Args:
            records: Hierarchies of normal clouds, on the detector's device.
        """
        if self.config.channels:
            self.features.fit(torch.cat([record.x for record in records]))
        for number, network in enumerate(self.expert):
            assert isinstance(network, PointNet2)
            if self.config.pretext == "curvature" and not self.trained:
                learn_curvature(
                    network,
                    records,
                    inputs=[self._x(record) for record in records],
                    width=self.layout.features,
                    steps=self.config.pretraining,
                    seed=int(self.seed) + number,
                )
            if not self.config.weights:  # those of a file have statistics of their own
                estimate_statistics(network, self._inputs(records))
        self.trained.fill_(True)
        if self.config.standardize:
            self.answers.fit(torch.cat([self._expert(record) for record in records], dim=1))

    def _expert(self, record: Hierarchy) -> Tensor:
        return torch.stack([network(self._x(record), record) for network in self.expert])

    def _x(self, record: Hierarchy) -> Tensor:
        """Return the input features: coordinates alone unchanged, with others standardized."""
        if not self.config.channels:
            return record.x  # type: ignore[no-any-return]
        return self.features(record.x).clamp(-OUTLIER, OUTLIER)  # type: ignore[no-any-return]

    def _inputs(self, records: list[Hierarchy]) -> Iterator[tuple[Tensor, Hierarchy]]:
        return ((self._x(record), record) for record in records)

    def compared(self, record: Hierarchy) -> tuple[Tensor, Tensor]:
        """Return the features of expert and apprentice (Eq. 1), each ``(E, N, C)``.

        Args:
            record: The hierarchy of one cloud.
        """
        with torch.no_grad():
            expert = self._expert(record)
        apprentice = torch.stack([network(self._x(record), record) for network in self.apprentice])
        if self.config.standardize:  # both, as features after a ReLU cannot match negative ones
            expert, apprentice = self.answers(expert), self.answers(apprentice)
        return expert, apprentice

    def forward(self, record: Hierarchy) -> tuple[Tensor, Tensor]:
        """Return the discrepancies ``d`` (Eqs. 2, 5), ``(E, N)``, and the limits of ``d_s``."""
        expert, apprentice = self.compared(record)
        measure = discrepancy if self.config.distance == "unit" else distance
        return measure(expert, apprentice), expert.norm(dim=2).mean(dim=1)

    def training_step(self, batch: Batch, *_: Any) -> Tensor:
        """Return Eq. 4 of each twin, averaged over twins and pairs of networks."""
        losses = [loss for record in batch.to_data_list() for loss in self._losses(record)]
        parts = {name: torch.stack([loss[name] for loss in losses]).mean() for name in losses[0]}
        logged = {f"train/{name}": part for name, part in parts.items()}
        self.log_dict(logged, batch_size=batch.num_graphs)
        return parts["loss"]

    def _losses(self, record: Hierarchy) -> Iterator[dict[str, Tensor]]:
        normal = record.drawn & ~record.abnormal
        abnormal = record.drawn & record.abnormal & self.config.sdo
        for d, limit in zip(*self(record), strict=True):
            pushed = d[abnormal]
            if self.config.distance == "limited":
                pushed = pushed.clamp(max=limit)
            yield sdo_loss(d[normal], pushed, alpha=self.config.alpha)

    def validation_step(self, record: Hierarchy, *_: Any) -> Any:
        """Return the scores of a synthetic validation cloud, for the metric callback."""
        return self.score_record(record)

    @torch.no_grad()
    def score_record(self, record: Hierarchy) -> tuple[Tensor, Tensor]:
        """Return scores of the points of one cloud, ``(N,)``, and of the object (Eq. 5)."""
        scores = self(record)[0].mean(dim=0)
        if self.config.smoothing > 1:
            index = nearest(record.pos0, record.pos0, count=self.config.smoothing)[1]
            scores = scores[index].mean(dim=1)
        if "near0" in record:
            scores = interpolate(scores, record.near0, weight=record.weight0)
        return self.with_object(scores)

    def configure_optimizers(self) -> Any:
        """Return AdamW on the apprentice with a one-cycle schedule over all steps."""
        return one_cycle(
            self.apprentice.parameters(),
            learning_rate=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            steps=self.steps,
        )
