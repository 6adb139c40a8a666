"""Fit a detector on normal clouds, score the test clouds, measure: ``python -m gmanet.fit``.

Usage: ``python -m gmanet.fit [--overwrite] [section.key=value ...]``.  The same words again go on
where an interrupted run stopped, and show the figures of a finished one.
"""

from __future__ import annotations

import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gmanet.config import RunConfig, compose, describe, resolved
from gmanet.errors import command
from gmanet.run import Run

if TYPE_CHECKING:
    from lightning import LightningDataModule, Trainer

    from gmanet.cloud import Cloud
    from gmanet.data.dataset import CloudDataset
    from gmanet.detectors.base import Detector
    from gmanet.evaluation.prediction import Prediction

__all__ = ["fit"]


def fit(config: RunConfig, run: Run, train: CloudDataset, test: CloudDataset) -> dict[str, Any]:
    """Return the figures of a run, doing whatever of it is not done yet.

    Args:
        config: The run's configuration.
        run: Its folder.
        train: Normal clouds.
        test: Clouds to score.
    """
    from lightning import seed_everything

    from gmanet.data.datamodule import CloudData
    from gmanet.data.pairs import twin_of
    from gmanet.detectors import DETECTORS
    from gmanet.evaluation.storing import StorePredictions
    from gmanet.training.logger import make_logger
    from gmanet.training.trainer import make_trainer

    logger = make_logger(config.wandb, run.folder, config.name, resolved(config))
    seed_everything(config.seed, verbose=False)
    detector = DETECTORS[config.detector.name](config.detector)
    detector.prepare(train)
    data = CloudData(
        train,
        test,
        detector.reader(),
        config.synthesis,
        detector.draw,
        detector.batch,
        config.seed,
        config.train.processes,
    )
    trainer = make_trainer(
        detector,
        config.train,
        run.folder,
        logger,
        data.epochs(detector.steps),
        [StorePredictions(run.predictions)],
    )
    _learn(config, run, detector, data, trainer)
    trainer.predict(detector, datamodule=data, return_predictions=False)
    trainer.strategy.barrier()
    if not trainer.is_global_zero:
        return {}
    twin = None if detector.draw is None else twin_of(train[0], config.synthesis, config.seed)
    return _finish(config, run, train[0], twin, test, logger)


def _learn(
    config: RunConfig, run: Run, detector: Detector, data: LightningDataModule, trainer: Trainer
) -> None:
    """Fit the detector, or load it where that is done, and store it."""
    if run.detector_file.is_file():
        detector.load_state_dict(run.load_detector()["state"])
        return
    trainer.fit(detector, datamodule=data, ckpt_path=run.last_checkpoint, weights_only=True)
    if trainer.is_global_zero:
        run.save_detector(config.detector.name, asdict(config.detector), detector.state_dict())


def _finish(
    config: RunConfig, run: Run, normal: Cloud, twin: Cloud | None, test: CloudDataset, logger: Any
) -> dict[str, Any]:
    """Return the figures after measuring, drawing and logging; only one process does it."""
    from gmanet.evaluation.gallery import choose, draw_gallery
    from gmanet.evaluation.measure import measure
    from gmanet.evaluation.prediction import load_predictions

    predictions = list(load_predictions(run.predictions))
    figures = measure(predictions, config.detector.object_rule)
    figures["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    by_name = {prediction.name: prediction for prediction in predictions}
    pictures = draw_gallery(
        run.pictures,
        choose(predictions, config.train.pictures),
        normal,
        twin,
        test,
        by_name,
        config.train.processes,
    )
    _show(logger, figures, pictures, by_name, test)
    run.write_scores(figures)
    return figures


def _show(
    logger: Any,
    figures: dict[str, Any],
    pictures: list[Path],
    predictions: dict[str, Prediction],
    test: CloudDataset,
) -> None:
    """Put the published figures, the pictures and the most abnormal cloud on the dashboard."""
    if logger is None:
        return
    from gmanet.evaluation.measure import FIGURES
    from gmanet.training.logger import log_cloud, log_pictures
    from gmanet.view.colors import score_colors

    found = {name: float(figures[name]) for name in FIGURES}
    logger.log_metrics({f"scores/{name}": v for name, v in found.items() if np.isfinite(v)})
    log_pictures(logger, pictures)
    worst = max(predictions.values(), key=lambda prediction: float(prediction.score.max()))
    color = score_colors(worst.score, *np.percentile(worst.score, (50, 99.9)))
    log_cloud(logger, "score_cloud", test[test.names.index(worst.name)].pos, color)
    logger.experiment.finish()


def main() -> None:
    """Read the words, fit, and print the figures and where they are."""
    words = [word for word in sys.argv[1:] if word != "--overwrite"]
    if {"-h", "--help"} & set(words):
        sys.stdout.write(f"{__doc__}\n{describe()}\n")
        return
    from gmanet.data.sources import open_data

    config, overwrite = compose(words), "--overwrite" in sys.argv[1:]
    run = Run(Run.root() / config.name)
    if run.finished and not overwrite:
        run = Run.create(config)  # refuses another configuration
        sys.stdout.write(summary(run, run.read_scores()))
        return
    train, test = open_data(config.data, "train"), open_data(config.data, "test")
    run = Run.create(config, overwrite)
    try:
        figures = fit(config, run, train, test)
    except (KeyboardInterrupt, SystemExit):  # Lightning turns the first into the second
        sys.stderr.write(f"interrupted; the same command goes on in {run.folder}\n")
        raise SystemExit(130) from None
    if figures:
        sys.stdout.write(summary(run, figures))


def summary(run: Run, figures: dict[str, Any]) -> str:
    """Return the figures and the paths of what was written, as text."""
    from gmanet.evaluation.tables import figures_table

    paths = (run.scores_file, run.predictions, run.pictures, run.detector_file, run.wandb)
    written = "".join(f"  {path}\n" for path in paths if path.exists())
    label = run.config.detector.label
    heading = f"{run.folder} ({label})" if label else f"{run.folder}"
    return f"\n{heading}\n\n{figures_table(figures)}\n\nwritten:\n{written}"


if __name__ == "__main__":
    command(main)
