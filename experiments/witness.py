"""Test whether a change of the code changes a score: ``python experiments/witness.py FOLDER``.

Every detector of the table and of ``conf/detector`` is fitted in a few steps on three small
procedural parts; the scores of the test clouds are stored in
``FOLDER/<part>/<detector>/predictions``.  ``--against OTHER`` compares the scores with those of an
earlier commit in another folder, by the largest relative difference of the point scores and of the
object scores; a difference of 0 means equal to the bit.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gmanet.evaluation.predictions import Prediction

PARTS = ("hexagonal_nut", "washer", "t_screw")
POINTS = (3000, 3500)
TRAIN, GOOD, EACH = 4, 2, 1
"""Numbers of train clouds, of good test clouds, and of test clouds of each kind of defect."""

COMMON = (
    *("data.profile=witness", "synthesis.twins=4", "wandb.mode=disabled"),
    *("train.workers=0", "train.pictures=0", "train.curve=1"),
)
QUICK = {
    "gmanet": "points=2048 centers=512 steps=20 pairs=2",
    "gmanet_paper": "points=2048 width=0.25 steps=4 pairs=2",
    "gmanet_pointnet2": "points=1024 width=0.25 steps=4 pairs=2",
    "imrnet": "points=1024 centers=64 group=32 width=48 depth=3 steps=20",
    "r3dad": "points=256 steps=20 copies=40 sampling=10 reconstruction=2048",
    **dict.fromkeys(
        ("m3dm", "m3dm_pointmae", "m3dm_pointbert", "patchcore_pointmae", "reg3dad"),
        "centers=512 group=64 width=48 pretraining=20",
    ),
}
"""Detector -> settings that make its fit fast; other detectors keep their defaults."""


def names() -> list[str]:
    """Return the names of the detectors of the table and of the files in ``conf/detector``."""
    from gmanet.config.compose import CONF
    from gmanet.detectors.table import DETECTORS

    return sorted({*DETECTORS, *(path.stem for path in (CONF / "detector").glob("*.yaml"))})


def fit_all(folder: Path) -> None:
    """Fit and score every detector on every part; finished runs are skipped."""
    from tqdm import tqdm

    from gmanet.datasets.procedural.dataset import PROFILES, Profile
    from gmanet.fit import main

    PROFILES["witness"] = Profile(points=POINTS, train=TRAIN, test_good=GOOD, test_per_defect=EACH)
    os.environ["GMANET_RUNS"] = str(folder)
    for part in PARTS:
        for name in tqdm(names(), part, unit="detector"):
            quick = [f"detector.{key}" for key in QUICK.get(name, "").split()]
            if name == "gmanet_paper":
                quick.append("synthesis.curvature=local")  # a mesh takes seconds per twin
            overrides = (f"data.category={part}", f"detector={name}", *quick, *COMMON)
            sys.argv = ["fit", *overrides, f"name={part}/{name}"]
            main()


def predictions(folder: Path) -> dict[str, Prediction]:
    """Return a mapping from ``<part>/<detector>/<cloud>`` to the prediction."""
    from gmanet.evaluation.predictions import load_predictions

    return {
        f"{part}/{name}/{found.name}": found
        for part in PARTS
        for name in names()
        for found in load_predictions(folder / part / name / "predictions")
    }


def differences(folder: Path, other: Path) -> Iterator[tuple[str, float, float]]:
    """Yield a cloud's name and the relative differences of its point and object scores.

    The first difference is the largest over the points.  Both are relative to the largest absolute
    point score.
    """
    import numpy as np

    theirs = predictions(other)
    for name, mine in predictions(folder).items():
        there = theirs[name]
        scale = np.abs(there.score).max()
        points = np.abs(mine.score - there.score).max() / scale
        yield name, float(points), abs(mine.whole - there.whole) / float(scale)


def main() -> None:
    """Fit, score, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", type=Path, metavar="OTHER")
    said = parser.parse_args()
    folder, other = said.folder.resolve(), said.against and said.against.resolve()
    fit_all(folder)
    if other is None:
        return
    found = sorted(differences(folder, other), key=lambda one: max(one[1:]))
    equal = sum(max(one[1:]) == 0 for one in found)
    sys.stdout.write(f"{equal} of {len(found)} clouds are equal to the bit\n")
    for name, points, whole in found[-5:] if equal < len(found) else []:
        sys.stdout.write(f"{name}: points differ by {points:.2g}, the object by {whole:.2g}\n")
    raise SystemExit(equal < len(found))


if __name__ == "__main__":
    main()
