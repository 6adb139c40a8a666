r"""The paper's method as printed (Section IV): PointNet++ on raw coordinates.

A twin is made of every normal cloud in every epoch (Algorithm 1).  Two PointNet++ networks of one
shape give features at every point of the twin (Eq. 1); the expert is frozen.  Their distances
(Eq. 2) are pulled together at normal and pushed apart at synthetic points (Eqs. 3 and 4,
``detectors.gmanet.sdo``), and are the scores of a test cloud's points (Eq. 5).

What the paper leaves open, and what was chosen:

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
                     end                                         gradients not on the processes
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

Eq. 4 has no lower bound: :math:`d_s` of features without a limit grows for as long as a fit goes on
(``tests/detectors/test_paper_detector.py`` shows it).  ``distance=limited`` is the nearest that
trains to an end: :math:`d_s` counts up to the mean length of the expert's features on the twin, and
what is farther is not pushed.  ``distance=unit`` is what the default detector does: both features
have unit length.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch
from tqdm import tqdm

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.gmanet.alignment import Atlas
from gmanet.detectors.gmanet.curvature_pretext import learn_curvature
from gmanet.detectors.gmanet.pairs import PairSampling, validation_twins
from gmanet.detectors.gmanet.paper_config import PaperConfig
from gmanet.detectors.gmanet.paper_reader import (
    AnalyzedClouds,
    DescribingReader,
    PaperReader,
    TwinHierarchies,
    channel_count,
)
from gmanet.detectors.gmanet.sdo import discrepancy, distance, sdo_loss
from gmanet.detectors.gmanet.standardizer import OUTLIER, Standardizer
from gmanet.detectors.reading import read
from gmanet.detectors.registered import Posed
from gmanet.detectors.scoring import propagate
from gmanet.detectors.training_set import TrainingPlan, TrainingSet
from gmanet.errors import InputError
from gmanet.networks.pointnet2.hierarchy import Hierarchy
from gmanet.networks.pointnet2.layout import LAYOUTS
from gmanet.networks.pointnet2.neighbors import nearest
from gmanet.networks.pointnet2.network import PointNet2, estimate_statistics
from gmanet.networks.pointnet2.pretrained_weights import load_backbone
from gmanet.runtime.piped_loader import PipedLoader
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.spcg import Generator

__all__ = ["GMANetPaper", "PaperConfig"]

FEWEST = 128
"""Points of a train cloud: fewer leave a level of one point, which batch normalization refuses."""

SEEN = 8
"""Normal clouds at most that statistics are estimated on."""


class GMANetPaper(Posed):
    """A frozen PointNet++, one that learns, and the SDO loss over all points of a twin."""

    Config = PaperConfig
    config: PaperConfig
    learns_from_twins = True
    trained: Tensor
    seed: Tensor

    def __init__(self, config: PaperConfig) -> None:
        super().__init__(config)
        self.steps, self.batch = config.steps, config.pairs
        self.lay(config.pose)
        self.layout = LAYOUTS[config.layout].scaled(width=config.width, radius=config.radius)
        self.atlas = Atlas() if "deviation" in config.channels else None
        self.channels = channel_count(config.channels)
        self.features = Standardizer(self.channels)
        self.expert = self._networks()
        self.apprentice = self._networks()
        self.expert.requires_grad_(False).eval()
        self.answers = Standardizer(config.experts, 1, self.layout.features)
        self.register_buffer("trained", torch.tensor(False))
        self.register_buffer("seed", torch.randint(2**31 - 1, ()))

    def _networks(self) -> nn.ModuleList:
        return nn.ModuleList(
            PointNet2(self.layout, self.channels) for _ in range(self.config.experts)
        )

    def train(self, mode: bool = True) -> GMANetPaper:
        """Switch the mode of everything but the expert, which stays in eval mode."""
        super().train(mode)
        self.expert.eval()
        return self

    def prepare(self, clouds: CloudDataset) -> None:
        """Keep the reference of registered poses, and load the expert's weights from a file."""
        super().prepare(clouds)
        if self.atlas is not None:
            self.atlas.prepare(clouds)
        if self.config.weights and not self.trained:
            for network in self.expert:
                assert isinstance(network, PointNet2)
                load_backbone(network, self.config.weights)
            self.trained.fill_(True)

    def reader(self) -> PaperReader:
        """Return what turns a cloud into its hierarchy."""
        parts = (self.layout, self.config.points, self.pose)
        if not self.config.channels:
            return PaperReader(*parts)
        aligner = None if self.atlas is None else self.atlas.aligner
        return DescribingReader(*parts, channels=tuple(self.config.channels), aligner=aligner)

    def training_set(self, clouds: CloudDataset, plan: TrainingPlan) -> TrainingSet:
        """Return a new twin of each normal cloud in every epoch; regions are computed before."""
        source = AnalyzedClouds(clouds, plan.synthesis)
        loader = PipedLoader(source, None, num_workers=plan.workers, collate_fn=_as_is)
        made = list(
            tqdm(loader, "normal clouds", len(source), disable=not plan.progress, unit="cloud")
        )
        normal = [cloud for cloud, _ in made]
        regions = {cloud.name: region for cloud, region in made if region is not None}
        generator = Generator(plan.synthesis, regions)
        for cloud in normal:
            if len(cloud) < FEWEST:
                raise InputError(
                    f"{cloud.name}: {len(cloud)} points, wanted at least {FEWEST} to train "
                    "detector=gmanet_paper"
                )
        config, reader = self.config, self.reader()
        sampling = PairSampling(config.centers_per_pair, config.synthetic, config.border_share)
        return TrainingSet(
            items=TwinHierarchies(
                normal, generator, reader=reader, sampling=sampling, seed=plan.seed
            ),
            drawn=True,
            validation=validation_twins(
                normal,
                plan,
                generator=generator,
                read_cloud=lambda shown, cloud: read(shown, partial(reader, origin=cloud.name)),
            ),
        )

    def epochs(self, clouds: int, synthesis: SynthesisConfig) -> int:
        """Return the passes over all clouds that the steps amount to."""
        return ceil(self.steps / max(1, clouds // self.batch))

    def on_fit_start(self) -> None:
        """Let the expert see the normal clouds, before it is frozen for good."""
        begun = bool(self.trained)
        self.see(self._normal())
        if self.config.start == "expert" and not begun:
            self.apprentice.load_state_dict(self.expert.state_dict())

    def on_fit_end(self) -> None:
        """Give the apprentice the statistics of the normal clouds, by which it scores."""
        records = self._normal()
        for network in self.apprentice:
            estimate_statistics(network, self._inputs(records))

    def _normal(self) -> list[Hierarchy]:
        twins = self.trainer.datamodule.learned.items  # type: ignore[attr-defined]
        assert isinstance(twins, TwinHierarchies)
        count = min(SEEN, len(twins))
        return [twins.normal(index).to(self.device) for index in range(count)]

    @torch.no_grad()
    def see(self, records: list[Hierarchy]) -> None:
        """Pre-train the expert if that is wanted; set its statistics from normal clouds.

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
        """Return the input features: coordinates as they are, others standardized."""
        if not self.config.channels:
            return record.x  # type: ignore[no-any-return]
        return self.features(record.x).clamp(-OUTLIER, OUTLIER)  # type: ignore[no-any-return]

    def _inputs(self, records: list[Hierarchy]) -> Iterator[tuple[Tensor, Hierarchy]]:
        return ((self._x(record), record) for record in records)

    def forward(self, record: Hierarchy) -> tuple[Tensor, Tensor]:
        """Return the discrepancies ``d`` (Eqs. 1, 2, 5), ``(E, N)``, and the limits of ``d_s``.

        Args:
            record: The hierarchy of one cloud.
        """
        with torch.no_grad():
            expert = self._expert(record)
            if self.config.standardize:
                expert = self.answers(expert)
        apprentice = torch.stack([network(self._x(record), record) for network in self.apprentice])
        measure = discrepancy if self.config.distance == "unit" else distance
        return measure(expert, apprentice), expert.norm(dim=2).mean(dim=1)

    def training_step(self, batch: Batch, *_: Any) -> Tensor:
        """Return Eq. 4 of each twin, averaged over twins and pairs of networks."""
        records = batch.to_data_list()
        losses = [loss for record in records for loss in self._losses(record)]
        parts = {name: torch.stack([loss[name] for loss in losses]).mean() for name in losses[0]}
        self.log_dict(
            {f"train/{name}": part for name, part in parts.items()}, batch_size=len(records)
        )
        return parts["loss"]

    def _losses(self, record: Hierarchy) -> Iterator[dict[str, Tensor]]:
        normal = record.drawn & ~record.abnormal
        abnormal = record.drawn & record.abnormal & self.config.sdo
        for d, limit in zip(*self(record), strict=True):
            pushed = d[abnormal]
            if self.config.distance == "limited":
                pushed = pushed.clamp(max=limit)
            yield sdo_loss(d[normal], pushed, self.config.alpha)

    def validation_step(self, record: Hierarchy, *_: Any) -> Any:
        """Return the scores of a synthetic validation cloud, for the metric callback."""
        return self.score_record(record)

    @torch.no_grad()
    def score_record(self, record: Hierarchy) -> tuple[Tensor, Tensor]:
        """Return scores of the points of one cloud, ``(N,)``, and of the object (Eq. 5)."""
        scores = self(record)[0].mean(dim=0)
        if self.config.smoothing > 1:
            index = nearest(record.pos0, record.pos0, self.config.smoothing)[1]
            scores = scores[index].mean(dim=1)
        if "near0" in record:
            scores = propagate(scores, record.near0, record.weight0)
        return self.with_object(scores)

    def configure_optimizers(self) -> Any:
        """Return AdamW on the apprentice with a one-cycle schedule over all steps."""
        config = self.config
        optimizer = torch.optim.AdamW(
            self.apprentice.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.learning_rate, total_steps=config.steps
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _as_is(item: Any) -> Any:
    return item
