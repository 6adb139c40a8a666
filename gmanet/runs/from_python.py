"""A fit from Python, ``gmanet.fit``: the fit of the command, without a run folder."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from lightning import seed_everything
from lightning.pytorch.utilities.seed import isolate_rng

from gmanet.cloud import Cloud
from gmanet.config.compose import compose
from gmanet.config.schema import RunConfig
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.catalog import open_data
from gmanet.datasets.in_memory import NormalClouds
from gmanet.detectors.base import Detector
from gmanet.detectors.table import DETECTORS
from gmanet.errors import InputError
from gmanet.training.fit import fit_detector

__all__ = ["fit"]

GoodClouds = str | os.PathLike[str] | CloudDataset | Iterable[Cloud | npt.ArrayLike]


def fit(
    good_clouds: GoodClouds,
    *,
    detector: str = "gmanet",
    seed: int = 0,
    workers: int = 0,
    progress: bool = True,
    overrides: Mapping[str, Any] | Sequence[str] = (),
) -> Detector:
    """Return a detector that is fitted on normal clouds of one part, ready to score.

    No files remain; ``Detector.save`` writes the detector.

    Args:
        good_clouds: Normal clouds: a list of clouds or of arrays ``(N, 3)``, a folder with scans in
            ``good/`` (``gmanet.datasets.folder``), the file of a CAD mesh of which scans are
            simulated (``gmanet.datasets.cad``), or the train split of a data set.
        detector: Name of a detector, or of a file ``conf/detector/NAME.yaml``.
        seed: Seed of the fit's generators.
        workers: Number of processes that prepare clouds; 0 prepares them in this process.
        progress: Whether to show progress bars.
        overrides: Further keys of the configuration, ``{"detector.steps": 100}`` or
            ``["detector.steps=100"]``.

    Raises:
        InputError: The clouds or an override cannot be used.
    """
    typed = [f"detector={detector}", f"seed={seed}", f"train.workers={workers}"]
    if isinstance(good_clouds, str | os.PathLike):
        kind = "cad" if Path(good_clouds).is_file() else "folder"
        typed += [f"data={kind}", f"data.root={os.fspath(good_clouds)}"]
    config = compose([*typed, *_typed(overrides), "wandb.mode=disabled"])
    if config.train.world > 1:
        raise InputError(
            f"train.devices * train.nodes is {config.train.world}, wanted 1 in gmanet.fit; several "
            "processes are for the command: python -m gmanet.fit"
        )
    train = _clouds(good_clouds, config)
    with warnings.catch_warnings(), isolate_rng(), TemporaryDirectory(prefix="gmanet-") as folder:
        try:
            return _fit(config, train, folder=Path(folder), progress=progress)
        except SystemExit:  # what Lightning makes of Ctrl-C
            raise KeyboardInterrupt from None


def _fit(config: RunConfig, train: CloudDataset, *, folder: Path, progress: bool) -> Detector:
    seed_everything(config.seed, verbose=False)
    return fit_detector(
        DETECTORS[config.detector.name](config.detector),
        train,
        settings=config.train,
        synthesis=config.synthesis,
        verdict=config.verdict,
        seed=config.seed,
        folder=folder,
        progress=progress,
    )


def _clouds(good_clouds: GoodClouds, config: RunConfig) -> CloudDataset:
    """Return the normal clouds as a data set."""
    if isinstance(good_clouds, str | os.PathLike):
        return open_data(config.data, "train")
    if isinstance(good_clouds, CloudDataset):
        if good_clouds.split != "train":
            raise InputError("good_clouds: is a test split, wanted the train split")
        return good_clouds
    shape = getattr(good_clouds, "shape", None)
    if isinstance(good_clouds, Cloud) or (shape is not None and len(shape) != 3):
        raise InputError("good_clouds: is one cloud, wanted a list of several of one part")
    if not isinstance(good_clouds, Iterable):
        raise InputError(
            f"good_clouds: is a {type(good_clouds).__name__}, wanted a list of clouds, a folder or "
            "a data set"
        )
    return NormalClouds(good_clouds)


def _typed(overrides: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """Return overrides as ``key=value``."""
    if isinstance(overrides, str):
        raise InputError(f"overrides={overrides!r}, wanted a mapping or a list of key=value")
    if not isinstance(overrides, Mapping):
        return list(overrides)
    return [f"{key}={_text(value)}" for key, value in overrides.items()]


def _text(value: Any) -> str:
    """Return a value as the text of an override."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return str(value.item() if isinstance(value, np.generic) else value)
