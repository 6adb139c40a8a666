"""The base class of all detectors: a LightningModule fitted on normal clouds that scores any cloud.

Trained detectors return a loss from ``training_step``.  Memory banks collect features there, return
no loss and configure no optimizer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gmanet.cloud import Cloud, Floats
from gmanet.detectors.config import OBJECT_RULES, DetectorConfig
from gmanet.detectors.frameworks import LightningModule
from gmanet.detectors.scores import Scores, object_score

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from gmanet.datasets.base import CloudDataset
    from gmanet.detectors.records import Reader
    from gmanet.detectors.training_set import TrainingPlan, TrainingSet
    from gmanet.nominal.pose import MeshTarget
    from gmanet.synthesis.config import SynthesisConfig
    from gmanet.verdict.judge import Judge
    from gmanet.verdict.regions import Regions

__all__ = ["Detector", "Scores"]


class Detector(LightningModule, ABC):
    """Base class: a detector is fitted on normal clouds and scores how other clouds differ."""

    Config: type[DetectorConfig] = DetectorConfig
    steps = 0
    """Number of optimizer steps; 0 for one pass over the normal clouds."""
    batch = 1
    """Number of training items in one step, over all processes."""
    learns_from_twins = False
    """Whether the detector learns from SPCG twins, too; if not, from normal clouds alone."""
    stages: ClassVar[Mapping[str, str]] = {}
    """Module or function, named below ``gmanet``, -> its stage in the efficiency table."""
    supervised = False
    """Whether the detector learns from labeled defective clouds (``data.task=supervised``), not
    from normal ones."""
    unjudged = Scores.reason
    """Reason why scores have no verdict where there is no judge."""
    learns_from_rescans = False
    """Whether some of the twins are scanned again (``synthesis.rescans``)."""
    finds_missing = False
    """Whether surface that a scan lacks raises its object score (``gmanet.verdict.missing``)."""
    fitted_on: frozenset[str] = frozenset()
    """Fingerprints of the clouds that the detector was fitted on (``Cloud.fingerprint``)."""
    part = ""
    """Name of the part that the detector was fitted on; empty if the data did not say."""
    unit = ""
    """Unit of the clouds that the detector was fitted on; empty if the data did not say."""
    judge: Judge | None = None
    """What makes a verdict of a score; None before the end of a fit, and in files of older
    versions."""
    nominal: MeshTarget | None = None
    """CAD mesh that the train clouds are simulated scans of."""
    detection: tuple[str, ...] = ()
    """Sentences on the depths of defects that are found; empty before they were measured."""
    regions: Regions | None = None
    """Regions of the part in which scores do not count, or count more; None for none."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config

    def prepare(self, clouds: CloudDataset) -> None:
        """Fit what the reader itself needs, such as a reference cloud; by default nothing.

        It is called before ``reader``.  The result is part of the detector's stored state and is
        not computed again for a detector that was loaded.

        Args:
            clouds: Normal clouds.
        """

    @abstractmethod
    def reader(self) -> Reader:
        """Return the function from a cloud to this detector's input."""

    def training_set(self, clouds: CloudDataset, plan: TrainingPlan) -> TrainingSet:
        """Return the detector's training set: by default, every normal cloud once.

        Args:
            clouds: Normal clouds.
            plan: Settings of the run for training sets.
        """
        from gmanet.detectors.records import ReadClouds
        from gmanet.detectors.training_set import TrainingSet

        reader = self.reader()
        # A reader that compares clouds with the normal clouds must not compare one with itself.
        return TrainingSet(items=ReadClouds(clouds, getattr(reader, "of_train", reader)))

    def epochs(self, clouds: int, synthesis: SynthesisConfig) -> int:
        """Return the number of passes over the training set that all steps need.

        Args:
            clouds: Number of normal clouds.
            synthesis: Settings of the twins.
        """
        return 1

    @abstractmethod
    def score_record(self, record: Data) -> tuple[Tensor, Tensor]:
        """Return scores of the points, with shape ``(N,)``, and of the object, a scalar.

        Args:
            record: The reader's record of one cloud.
        """

    @torch.no_grad()
    def score(self, cloud: Cloud | npt.ArrayLike) -> Scores:
        """Return the anomaly scores of one cloud.

        Args:
            cloud: The cloud, or coordinates with shape ``(N, 3)`` in the unit of the normal clouds;
                rows that were never measured (``gmanet.formats.unmeasured``) score NaN.

        Raises:
            InputError: The cloud cannot be scored (``Cloud.checked``).
        """
        from gmanet.detectors.records import read
        from gmanet.formats.arrays import as_cloud

        made = as_cloud(cloud)
        points, whole = self._weighed(read(made, self.reader()).to(self.device))
        found, score = points.cpu().numpy(), float(whole)
        verdict: dict[str, Any] = {"reason": self.unjudged}
        if self.judge is not None:
            from gmanet.verdict.judge import raised

            judgment, gaps = self.judge.judge(made, score)
            verdict = dict(vars(judgment))
            score = verdict.pop("score")
            found = raised(found, score, found=gaps)
        if made is not cloud:  # one score for each row of the array
            found = made.in_file_order(found, float("nan"))
        return Scores(found, score, **verdict)

    def held_out_reader(self) -> Reader:
        """Return the reader of normal clouds for :meth:`held_out_scores`: by default the usual one.

        A reader that compares clouds with the normal clouds must not compare one with itself, nor
        with the cloud that it is a rescan of and whose name it has.
        """
        return self.reader()

    @torch.no_grad()
    def held_out_scores(
        self, records: Iterable[Data], *, each: Callable[[Tensor], None] | None = None
    ) -> list[float]:
        """Return the object score of each normal cloud as if it was not learned from.

        By default these are the scores after a fit on all of them, which are too low where networks
        learned the very clouds.

        Args:
            records: The records of :meth:`held_out_reader` of normal clouds or of rescans of these,
                which have the names of the clouds.
            each: Called with the scores of the points of each record, ``(N,)``.
        """
        found = []
        for record in records:
            points, whole = self._weighed(record.to(self.device))
            if each is not None:
                each(points)
            found.append(float(whole))
        return found

    def signed_deviation(self, cloud: Cloud) -> Floats | None:
        """Return the height of each point over the nominal part in the best pose, ``(N,)``.

        The nominal part is the CAD mesh or, without one, what the detector keeps of normal clouds.
        Heights are in the unit of the cloud, positive outside; None if it keeps neither.

        Args:
            cloud: The cloud.
        """
        if self.nominal is not None:
            return self.nominal.deviation(cloud.pos).astype(np.float32)
        return self.good_deviation(cloud)

    def good_deviation(self, cloud: Cloud) -> Floats | None:
        """Return the height of each point over the normal clouds; by default None, as above."""
        return None

    def save(self, path: Path | str) -> None:
        """Write the fitted detector into one file, which ``gmanet.load`` reads.

        Args:
            path: The file; an existing file is replaced.

        Raises:
            OutputError: The file cannot be written.
        """
        from gmanet.detectors.stored import save_detector

        save_detector(Path(path), self)

    def with_object(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores of one cloud's points, ``(N,)``, and the object score made of them."""
        return points, object_score(points, OBJECT_RULES[self.config.object_rule])

    def _weighed(self, record: Data) -> tuple[Tensor, Tensor]:
        """Return the scores of a record, those of points times the factors of the regions."""
        points, whole = self.score_record(record)
        if self.regions is None:
            return points, whole
        factors = torch.from_numpy(self.regions.factors(record.pos.cpu().numpy()))
        return self.with_object(points * factors.to(points))

    def enlarge(self, record: Data, clouds: int) -> None:
        """Make the detector as large as a fit on more clouds would, to measure its cost.

        By default nothing is done: the size of most detectors does not depend on the clouds.

        Args:
            record: The training set's record of a normal cloud.
            clouds: Number of normal clouds of the larger fit.
        """

    def predict_step(self, record: Data, *_: Any) -> tuple[Tensor, Tensor]:
        """Return the scores, with missing surface if that is searched; Lightning calls it."""
        points, whole = self._weighed(record)
        if self.judge is None or self.judge.missing is None:
            return points, whole
        from gmanet.verdict.judge import raised

        score, gaps = self.judge.search(Cloud(record.pos.cpu().numpy()), float(whole))
        higher = torch.from_numpy(raised(points.cpu().numpy(), score, found=gaps))
        return higher.to(points), whole.new_tensor(score)

    def configure_optimizers(self) -> Any:
        """Return nothing: memory banks optimize nothing."""
        return None
