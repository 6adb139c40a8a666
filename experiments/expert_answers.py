"""What the answers of the expert depend on: ``python experiments/expert_answers.py RUN...``.

Each RUN is a finished run of ``gmanet`` or ``gmanet_paper``.  The points of every normal test cloud
are divided at random into two scans of the same surface; the frozen expert reads each.  Answers at
the same place of both are compared as the detector compares expert and apprentice: standardized on
this cloud, of unit length.  The apprentice can match only what it can foresee.

Writes ``experiments/results/expert_answers.md``.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from gmanet.cloud import Cloud
    from gmanet.runs.folder import Run

COLUMNS = (
    "the same place, other points",
    "the next place, same points",
    "any place, same points",
    "apprentice, same place, same points",
)


class Answers(NamedTuple):
    """Places, ``(M, 3)``, and the first pair's features there, ``(M, C)`` each."""

    places: Tensor
    expert: Tensor
    apprentice: Tensor


def answers(detector: Any, cloud: Cloud) -> Answers:
    """Return what expert and apprentice of a fitted detector answer, the first pair of several.

    Raises:
        InputError: The detector is neither of both.
    """
    import torch

    from gmanet.detectors.gmanet.detector import GMANet
    from gmanet.detectors.gmanet_paper.detector import GMANetPaper
    from gmanet.errors import InputError

    if not isinstance(detector, GMANet | GMANetPaper):
        raise InputError(f"a run of {detector.config.name}, wanted gmanet or gmanet_paper")
    record = detector.reader()(cloud)
    with torch.no_grad():
        expert, apprentice = (features[0] for features in detector.compared(record))
    points = record.pos0 if isinstance(detector, GMANetPaper) else record.points
    return Answers(points[: len(expert)], expert, apprentice)


def compare(detector: Any, cloud: Cloud) -> tuple[float, ...]:
    """Return the mean distances of answers, one for each of ``COLUMNS``."""
    import numpy as np
    import torch
    from scipy.spatial import KDTree

    order = np.random.default_rng(0).permutation(len(cloud))
    halves = [np.sort(part) for part in np.array_split(order, 2)]
    one, other = (
        answers(detector, replace(cloud, pos=cloud.pos[half], label=None, normal=None))
        for half in halves
    )
    mean, scale = one.expert.mean(dim=0), one.expert.std(dim=0)
    scale += 0.01 * scale.mean()
    mine, theirs = ((part.expert - mean) / scale for part in (one, other))
    learned = (one.apprentice - mean) / scale
    places = KDTree(other.places).query(one.places)[1]
    following = KDTree(one.places).query(one.places, k=2)[1][:, 1]
    shuffled = torch.randperm(len(mine), generator=torch.Generator().manual_seed(0))
    compared = (theirs[places], mine[following], mine[shuffled], learned)
    return tuple(_distance(mine, part) for part in compared)


def _distance(one: Tensor, other: Tensor) -> float:
    from gmanet.detectors.gmanet.sdo import discrepancy

    return float(discrepancy(one, other).mean())


def measure(run: Run) -> list[float]:
    """Return the means over the normal test clouds of a run."""
    from tqdm import tqdm

    from gmanet.datasets.catalog import open_data
    from gmanet.runs.scoring import load_detector

    detector = load_detector(run).eval()
    clouds = open_data(run.config.data, "test")
    good = [cloud for cloud in clouds if cloud.defect == "good"]
    rows = [compare(detector, cloud) for cloud in tqdm(good, desc=run.folder.parts[-3])]
    return [statistics.fmean(column) for column in zip(*rows, strict=True)]


def main() -> None:
    """Measure all runs and write the table."""
    import torch  # noqa: F401  so that a GPU is named
    from page import write_page

    from gmanet.runs.folder import Run
    from gmanet.runtime.provenance import provenance

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", help="folder of a finished run")
    made = provenance()
    lines = [f"| expert of the run | {' | '.join(COLUMNS)} |", f"|---|{'--:|' * len(COLUMNS)}"]
    for folder in parser.parse_args().runs:
        run = Run.open(folder)
        cells = " | ".join(f"{value:.3f}" for value in measure(run))
        lines.append(f"| {run.folder.parts[-3]}, {run.config.data.category} | {cells} |")
    about = (
        "Distance (0 to 2) of the features of a frozen expert at two places of a normal test "
        "cloud, after they are standardized on this cloud and brought to unit length; unrelated "
        "features are about 1.41 apart.  The cloud is divided at random into two scans of the same "
        "surface.  The last column is what is left after training between expert and apprentice, "
        "on a scan that both read."
    )
    write_page(about, lines, made)


if __name__ == "__main__":
    from gmanet.errors import command

    command(main)
