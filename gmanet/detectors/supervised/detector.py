"""The base class of supervised detectors: a segmentation network with two classes.

Training and test follow the protocol of Pointcept, which the paper names in Section V-F: grid
sampling, a crop, random motions and jitter, cross entropy; at the test every point of a voxel is in
one of several fragments, and softmax is summed over fragments and rotations.  The score of a point
is its probability of being abnormal.  Beyond the protocol, clouds are upright, and abnormal points,
one or two in a hundred, have a weight, so that few clouds and steps suffice on simple parts.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from math import ceil
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch_geometric.data import Data

from gmanet.datasets.base import CloudDataset
from gmanet.detectors.base import Detector
from gmanet.detectors.supervised.config import SupervisedConfig
from gmanet.detectors.supervised.crops import LabeledCrops
from gmanet.detectors.supervised.surface import FragmentReader, Structure, Surface
from gmanet.detectors.training_set import TrainingPlan, TrainingSet
from gmanet.errors import InputError
from gmanet.synthesis.config import SynthesisConfig

__all__ = ["CLASSES", "SupervisedDetector"]

CLASSES = 2
"""Classes of points: normal and abnormal."""
RISE = 0.1
"""Share of the steps in which the learning rate rises."""


class SupervisedDetector(Detector):
    """Base class: learns from labeled defective clouds which points are abnormal."""

    config: SupervisedConfig
    stages: ClassVar[Mapping[str, str]] = {
        "networks.levels": "neighbors",
        "networks.sparse": "model",
        "networks.pointnet2.hierarchy": "neighbors",
        "detectors.supervised.detector": "model",
    }
    supervised = True
    unjudged = "a supervised detector has no limit, as it learned from no good parts"

    def __init__(self, config: SupervisedConfig) -> None:
        super().__init__(config)
        self.steps, self.batch = config.steps, config.clouds
        self.network = self.make_network(6 if config.normals else 3)

    @abstractmethod
    def make_network(self, channels: int) -> nn.Module:
        """Return a network from features and a structure to logits, with shape ``(N, 2)``.

        Args:
            channels: Channels of the input features.
        """

    @abstractmethod
    def structure(self) -> Structure:
        """Return the function to what the network reads beside its features."""

    def reader(self) -> FragmentReader:
        """Return the function from a cloud to its fragments."""
        config = self.config
        return FragmentReader(
            grid=config.grid,
            normals=config.normals,
            votes=config.votes,
            structure=self.structure(),
        )

    def training_set(self, clouds: CloudDataset, plan: TrainingPlan) -> TrainingSet:
        """Return crops of labeled clouds, drawn anew in every epoch.

        Raises:
            InputError: A cloud has no labels, or no cloud has an abnormal point.
        """
        surfaces, labels = [], []
        for cloud in clouds:
            if cloud.label is None:
                raise InputError(
                    f"{cloud.name}: has no labels of points, which detector={self.config.name} "
                    "learns from; wanted labeled clouds"
                )
            surfaces.append(Surface.of(cloud))
            labels.append(cloud.label[surfaces[-1].order])
        if not any(label.any() for label in labels):
            raise InputError(
                f"detector={self.config.name} learns from labeled defective clouds, and none of "
                f"these {len(labels)} clouds has an abnormal point; wanted python -m gmanet.fit "
                "with data.task=supervised"
            )
        config = self.config
        crops = LabeledCrops(
            surfaces,
            labels,
            grid=config.grid,
            normals=config.normals,
            crop=config.crop,
            abnormal_crops=config.abnormal_crops,
            structure=self.structure(),
            seed=plan.seed,
        )
        return TrainingSet(items=crops, drawn=True)

    def epochs(self, clouds: int, synthesis: SynthesisConfig) -> int:
        """Return the number of passes over the clouds that all steps need."""
        return ceil(self.steps / max(1, clouds // min(self.batch, clouds)))

    def training_step(self, batch: Data, *_: Any) -> Tensor:
        """Return the cross entropy of a batch of crops.

        Raises:
            InputError: There is only one point on the network's coarsest level.
        """
        try:
            logits = self.network(batch.x, batch)
        except ValueError as error:  # what batch normalization says of one point
            if "more than 1 value per channel" not in str(error):
                raise
            raise InputError(
                f"detector.grid={self.config.grid} and detector.clouds={self.config.clouds} leave "
                f"the network one point on its coarsest level, wanted a smaller grid or more clouds"
            ) from None
        weight = logits.new_tensor([1.0, self.config.abnormal_weight])
        loss = cross_entropy(logits, batch.y, weight=weight)
        self.log("train/loss", loss, batch_size=len(batch.y))
        return loss

    @torch.no_grad()
    def score_record(self, record: Data) -> tuple[Tensor, Tensor]:
        """Return each point's probability of being abnormal, and the object's score."""
        total = torch.zeros(record.num_nodes or 0, CLASSES, device=self.device)
        for part in record.fragments:
            chance = torch.softmax(self.network(part.x, part).float(), dim=1)
            total.index_add_(0, part.rows, chance)
        return self.with_object(total[:, 1] / total.sum(dim=1))

    def configure_optimizers(self) -> Any:
        """Return AdamW with a learning rate that rises, then falls."""
        config = self.config
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.learning_rate, total_steps=max(2, self.steps), pct_start=RISE
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
