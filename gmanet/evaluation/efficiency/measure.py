"""Time, memory and size of one detector on clouds of one size (Table VI).

The time of a cloud is that from points in memory to scores of all points: the reader, the transfer
to the device and the score, one cloud at a time.  It depends on the size of a detector, not on the
quality of its fit: detectors are fitted on a few clouds, and then enlarged to their size after a
fit on all train clouds (``Detector.enlarge``).
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.subset import Subset
from gmanet.detectors.base import Detector
from gmanet.detectors.records import read
from gmanet.evaluation.efficiency.peak_memory import MIB, PeakMemory
from gmanet.evaluation.efficiency.profiler import StageClock
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

__all__ = ["FITTED", "fit_briefly", "measure"]

FITTED = 2
"""Number of normal clouds on which a detector is fitted before it is measured."""

WARM = 2048
"""Number of points of the warm-up cloud, which loads libraries and is not measured."""

FLOOR_SIDE = 1024
"""Number of rows and columns of the matrices whose product gives the machine's FLOP rate."""


def fit_briefly(
    detector: Detector, train: CloudDataset, *, synthesis: SynthesisConfig, seed: int
) -> Detector:
    """Return the detector prepared on all clouds, fitted on :data:`FITTED`, and enlarged.

    Args:
        detector: A new detector, with a small number of steps.
        train: All normal clouds, of the size that is to be scored.
        synthesis: Settings of the twins.
        seed: Seed of all twins and of all random draws.
    """
    detector.prepare(train)
    few = Subset(train, train.names[:FITTED])
    data = CloudData(few, few, detector=detector, synthesis=synthesis, seed=seed, progress=False)
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(workers=0, checkpoint_every=10**6)
        epochs = detector.epochs(len(few), synthesis)
        make_trainer(detector, config, folder=Path(folder), logger=None, epochs=epochs).fit(
            detector, data
        )
    reader = detector.reader()
    detector.enlarge(read(train[0], getattr(reader, "of_train", reader)), len(train))
    return detector.eval()


def measure(
    detector: Detector, clouds: Sequence[Cloud], *, device: str = "cpu", whole: bool = True
) -> dict[str, Any]:
    """Return time, memory and size of a detector.

    Args:
        detector: A fitted detector in eval mode.
        clouds: Clouds of one size.
        device: ``cpu`` or ``cuda``.
        whole: Whether to measure stages, FLOPs and the floor, too, in separate passes.

    Returns:
        ``seconds``, ``reader`` and ``score`` of each cloud; ``peak_mib``, ``cuda_mib``;
        ``parameters``, ``buffers`` and ``model_mib``; with ``whole`` also ``stages`` and ``floor``
        in seconds, and ``gflop`` of the score.
    """
    detector = detector.to(device)
    _score(detector, clouds[0].replace(pos=clouds[0].pos[:WARM], label=None), device=device)
    with PeakMemory(device) as peak:
        _score(detector, clouds[0], device=device)
    reader, score = zip(*(_score(detector, cloud, device=device) for cloud in clouds), strict=True)
    parts = (list(detector.parameters()), list(detector.buffers()))
    found: dict[str, Any] = {
        "seconds": [one + other for one, other in zip(reader, score, strict=True)],
        "reader": list(reader),
        "score": list(score),
        "peak_mib": peak.host,
        "cuda_mib": peak.device,
        "parameters": sum(part.numel() for part in parts[0]),
        "buffers": sum(part.numel() for part in parts[1]),
        "model_mib": sum(map(_bytes, [*parts[0], *parts[1]])) / MIB,
        "threads": torch.get_num_threads(),
    }
    return found | _details(detector, clouds[0], device=device) if whole else found


def _bytes(part: Tensor) -> int:
    return part.numel() * part.element_size()


def _score(detector: Detector, cloud: Cloud, *, device: str) -> tuple[float, float]:
    """Return the seconds of the reader and of the score."""
    start = time.perf_counter()
    record = read(cloud, detector.reader())
    middle = time.perf_counter()
    detector.score_record(record.to(device))[0].cpu()  # waits for the device
    return middle - start, time.perf_counter() - middle


def _details(detector: Detector, cloud: Cloud, *, device: str) -> dict[str, Any]:
    """Return seconds of the stages, GFLOP of the score, and seconds of the floor.

    Stages are measured with one thread, as a clock measures its own thread only.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with StageClock(detector.stages) as clock:
            _score(detector, cloud, device=device)
    finally:
        torch.set_num_threads(threads)
    record = read(cloud, detector.reader()).to(device)
    with FlopCounterMode(display=False) as counter:
        detector.score_record(record)
    flop = counter.get_total_flops()
    return {
        "stages": dict(clock.seconds),
        "gflop": flop / 1e9,
        "floor": _median(lambda: _touch(cloud)) + flop / _rate(device),
    }


def _touch(cloud: Cloud) -> None:
    """Copy a cloud and find the nearest point of each of its points."""
    pos = cloud.pos.copy()
    cKDTree(pos).query(pos, k=1)


def _rate(device: str) -> float:
    """Return floating-point operations per second of a product of matrices that fit the cache."""
    one = torch.from_numpy(np.random.default_rng(0).random((FLOOR_SIDE,) * 2, np.float32))
    one = one.to(device)
    return 2 * FLOOR_SIDE**3 / _median(lambda: (one @ one)[0, 0].item())


def _median(work: Callable[[], Any], repeats: int = 5) -> float:
    """Return the median seconds of repeated work."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
