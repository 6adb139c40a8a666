"""Time, memory and size of one detector on clouds of one size; what Table VI asks for.

A cloud's seconds run from its points in memory to the scores of its points: the reader, the way to
the device and the score, in batches of one.  They do not depend on how well a detector was trained,
only on its sizes: so it is fitted on a few clouds, and its banks are then given as many rows as all
train clouds would have brought (:func:`fill`).
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
from torch_geometric.data import Batch, Data

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.catalog import First
from gmanet.detectors.bank import Bank
from gmanet.detectors.base import Detector
from gmanet.detectors.memory_bank import MemoryDetector
from gmanet.detectors.reading import read
from gmanet.evaluation.efficiency.peak_memory import MIB, PeakMemory
from gmanet.evaluation.efficiency.profiler import StageClock
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

__all__ = ["FITTED", "fill", "fit_briefly", "measure"]

FITTED = 2
"""Normal clouds that a detector is fitted on before it is measured."""

WARM = 2048
"""Points of the first cloud, which loads libraries and is not measured."""

FLOOR_SIDE = 1024
"""Side of the matrices whose product gives the machine's rate."""


def fit_briefly(
    detector: Detector, train: CloudDataset, synthesis: SynthesisConfig, seed: int
) -> Detector:
    """Return the detector prepared on all clouds, fitted on :data:`FITTED`, its banks filled.

    Args:
        detector: Not fitted yet; it should take a few steps only.
        train: All normal clouds, of the size that is to be scored.
        synthesis: How twins are made.
        seed: Of the twins and draws.
    """
    detector.prepare(train)
    few = First(train, FITTED)
    reader, draw, batch = detector.reader(), detector.draw, detector.batch
    data = CloudData(few, few, reader, synthesis, draw, batch, seed, progress=False)
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(workers=0, checkpoint_every=10**6)
        epochs = data.epochs(detector.steps)
        make_trainer(detector, config, Path(folder), None, epochs).fit(detector, data)
    if isinstance(detector, MemoryDetector):
        fill(detector, read(train[0], getattr(reader, "of_train", reader)), len(train))
    return detector.eval()


@torch.no_grad()
def fill(detector: MemoryDetector, cloud: Data, clouds: int) -> None:
    """Give each bank the rows that so many clouds would leave, repeated with a hundredth of noise.

    Args:
        detector: Fitted on fewer clouds.
        cloud: What the reader makes of one of the train clouds (``of_train`` where there is one).
        clouds: How many there are in use.
    """
    generator = torch.Generator().manual_seed(0)
    detector.quota, detector.seen = max(1, detector.config.held // clouds), {}
    detector.training_step(cloud)
    brought = next(iter(detector.seen.values()))
    detector.seen = {}
    for name, bank in detector.banks.items():
        assert isinstance(bank, Bank)
        count = detector.bank_rows(len(brought[name]) * clouds)
        rows = bank.rows[torch.arange(count) % len(bank.rows)]
        noise = torch.randn(rows.shape, generator=generator) * 0.01 * rows.std(dim=0)
        bank.rows = torch.where(torch.arange(count)[:, None] < len(bank.rows), rows, rows + noise)


def measure(
    detector: Detector, clouds: Sequence[Cloud], device: str = "cpu", whole: bool = True
) -> dict[str, Any]:
    """Return what scoring costs; the first cloud, which gives the peak memory, is not timed.

    Args:
        detector: Fitted, in eval mode.
        clouds: All of one size.
        device: ``cpu`` or ``cuda``.
        whole: Whether to find stages and the floor, too, in passes of their own.

    Returns:
        ``seconds``, ``reader`` and ``score`` of each cloud; ``peak_mib``, ``cuda_mib``;
        ``parameters``, ``buffers`` and ``model_mib``; with ``whole`` also ``stages`` and ``floor``
        in seconds, and ``gflop`` of the score.
    """
    detector = detector.to(device)
    _score(detector, clouds[0].replace(pos=clouds[0].pos[:WARM], label=None), device)
    with PeakMemory(device) as peak:
        _score(detector, clouds[0], device)
    reader, score = zip(*(_score(detector, cloud, device) for cloud in clouds), strict=True)
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
    return found | _details(detector, clouds[0], device) if whole else found


def _bytes(part: Tensor) -> int:
    return part.numel() * part.element_size()


def _score(detector: Detector, cloud: Cloud, device: str) -> tuple[float, float]:
    """Return seconds of the reader and of the score."""
    start = time.perf_counter()
    record = read(cloud, detector.reader())
    middle = time.perf_counter()
    detector.score(Batch.from_data_list([record]).to(device)).points.cpu()  # waits for the device
    return middle - start, time.perf_counter() - middle


def _details(detector: Detector, cloud: Cloud, device: str) -> dict[str, Any]:
    """Return stages, arithmetic and floor.

    Stages are those of one thread: a clock sees its own thread alone.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with StageClock() as clock:
            _score(detector, cloud, device)
    finally:
        torch.set_num_threads(threads)
    record = Batch.from_data_list([read(cloud, detector.reader())]).to(device)
    with FlopCounterMode(display=False) as counter:
        detector.score(record)
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
