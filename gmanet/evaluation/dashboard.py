"""Figures, curves and pictures of a finished run on the dashboard of W&B or TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import numpy.typing as npt

from gmanet.cloud import Floats, Labels
from gmanet.datasets.base import CloudDataset
from gmanet.evaluation.measure import FIGURES
from gmanet.evaluation.predictions import Prediction
from gmanet.metrics.curves import Curves, curves
from gmanet.training.logger import StepLogger, identity
from gmanet.view.colors import score_colors, score_limits

__all__ = ["show"]

SHOWN = 50_000
"""Largest number of points of the cloud that is shown; viewers stall above some 100,000."""

BINS = 64
"""Number of bins in a histogram of scores."""


def show(
    logger: Any,
    step: int,
    *,
    name: str,
    figures: Mapping[str, Any],
    predictions: Sequence[Prediction],
    pictures: Sequence[Path],
    test: CloudDataset,
    detector: Path,
) -> None:
    """Show figures, curves, histograms, pictures, the most abnormal cloud and the detector.

    Args:
        logger: A :class:`StepLogger` or :class:`TensorBoardLogger`; it is closed at the end.
        step: Number of optimizer steps of the run.
        name: The run's name.
        figures: Content of ``scores.json``.
        predictions: Predictions of all test clouds.
        pictures: Files of the drawn test clouds.
        test: The test clouds.
        detector: File of the fitted detector.
    """
    board = _Wandb(logger, step) if isinstance(logger, StepLogger) else _TensorBoard(logger, step)
    found = {key: float(figures[key]) for key in FIGURES}
    found = {f"scores/{key}": value for key, value in found.items() if np.isfinite(value)}
    logger.log_metrics(found, step=step)
    for level, (score, label) in _levels(predictions).items():
        drawn = curves(score, label)
        if drawn is not None:
            board.curves(level, drawn)
        for kind, part in (("normal", score[~label]), ("abnormal", score[label])):
            if len(part):
                board.histogram(f"{level}_scores/{kind}", part)
    board.pictures("pictures", pictures)
    worst = max(predictions, key=lambda prediction: float(prediction.score.max()))
    pos = test[test.names.index(worst.name)].pos
    keep = slice(None, None, -(-len(pos) // SHOWN))
    low, high = score_limits(worst.score)
    color = score_colors(worst.score, low, high=high)
    board.cloud("score_cloud", pos[keep], color=np.asarray(color)[keep])
    board.detector(identity(name), detector, figures=found)


def _levels(predictions: Sequence[Prediction]) -> dict[str, tuple[Floats, Labels]]:
    """Return scores and ground truth of objects and of points, as far as it is known."""
    known = [one for one in predictions if one.abnormal is not None]
    labelled = [one for one in predictions if one.label is not None]
    levels: dict[str, tuple[Floats, Labels]] = {}
    if known:
        whole = np.array([one.whole for one in known], dtype=np.float32)
        levels["object"] = whole, np.array([bool(one.abnormal) for one in known])
    if labelled:
        label = np.concatenate([one.label for one in labelled if one.label is not None])
        levels["point"] = np.concatenate([one.score for one in labelled]), label
    return levels


class _Wandb:
    """The dashboard of W&B."""

    def __init__(self, logger: StepLogger, step: int) -> None:
        self.logger, self.step = logger, step

    def _log(self, values: dict[str, Any]) -> None:
        self.logger.log_metrics(values, self.step)

    def curves(self, level: str, drawn: Curves) -> None:
        import wandb

        for title, x, y in (
            ("roc", ("false_alarms", drawn.false_alarms), ("recall", drawn.recall)),
            ("pr", ("recall", drawn.recall), ("precision", drawn.precision)),
        ):
            rows = np.column_stack([x[1], y[1]]).tolist()
            table = wandb.Table(data=rows, columns=[x[0], y[0]])
            key = f"{level}_{title}"
            self._log({key: wandb.plot.line(table, x[0], y[0], title=key)})

    def histogram(self, key: str, values: npt.NDArray[np.floating[Any]]) -> None:
        import wandb

        self._log({key: wandb.Histogram(np_histogram=np.histogram(values, BINS))})

    def pictures(self, key: str, paths: Sequence[Path]) -> None:
        import wandb

        if paths:
            self._log({key: [wandb.Image(str(path), caption=path.stem) for path in paths]})

    def cloud(self, key: str, pos: Floats, color: npt.NDArray[Any]) -> None:
        import wandb

        self._log({key: wandb.Object3D(np.concatenate([pos, color.astype(np.float32)], axis=1))})

    def detector(self, name: str, path: Path, figures: Mapping[str, float]) -> None:
        """Log the file as an artifact, with the run whose seed decided the frozen expert."""
        import wandb

        about = {"expert_run": self.logger.experiment.id, **figures}
        artifact = wandb.Artifact(name, type="detector", metadata=about)
        artifact.add_file(str(path), policy="immutable")
        self.logger.experiment.log_artifact(artifact)
        self.logger.experiment.finish()


class _TensorBoard:
    """The dashboard of TensorBoard, which stores no files, and draws PR curves only."""

    def __init__(self, logger: Any, step: int) -> None:
        self.logger, self.writer, self.step = logger, logger.experiment, step

    def curves(self, level: str, drawn: Curves) -> None:
        place = np.linspace(0, len(drawn.recall) - 1, 127).astype(int)  # of falling thresholds
        zero = np.zeros(len(place))
        rates = (drawn.precision[place][::-1], drawn.recall[place][::-1])
        self.writer.add_pr_curve_raw(
            f"{level}_pr", zero, zero, zero, zero, *rates, self.step, num_thresholds=len(place)
        )

    def histogram(self, key: str, values: npt.NDArray[np.floating[Any]]) -> None:
        self.writer.add_histogram(key, values, self.step, bins=BINS)

    def pictures(self, key: str, paths: Sequence[Path]) -> None:
        for path in paths:
            image = matplotlib.image.imread(path)[..., :3]
            self.writer.add_image(f"{key}/{path.stem}", image, self.step, dataformats="HWC")

    def cloud(self, key: str, pos: Floats, color: npt.NDArray[Any]) -> None:
        self.writer.add_mesh(key, pos[None], colors=color[None], global_step=self.step)

    def detector(self, name: str, path: Path, figures: Mapping[str, float]) -> None:
        self.writer.add_text("detector", str(path), self.step)
        self.logger.finalize("success")
