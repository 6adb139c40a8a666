"""Probability of detection of a run's detector on its good test clouds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from gmanet.cloud import Cloud
from gmanet.datasets.catalog import open_data
from gmanet.detectors.base import Detector
from gmanet.detectors.stored import save_detector
from gmanet.errors import InputError
from gmanet.evaluation.detection_picture import save_curves
from gmanet.runs.folder import Run
from gmanet.runs.scoring import load_detector
from gmanet.synthesis.deform import FAMILIES, Surface
from gmanet.verdict.calibration import Calibration
from gmanet.verdict.detection import Detection, fit_curve, ideal_depth
from gmanet.verdict.measures import measure_scan
from gmanet.verdict.planted import plant

__all__ = ["detect"]

RADIUS = 0.06
"""Radius of the defects, in diameters of the part, where none is given."""

DEPTHS = (0.0003, 0.03)
"""Smallest and largest nominal depth of a defect, in diameters of the part."""


def detect(
    run: Run,
    *,
    radii: Sequence[float] | None = None,
    samples: int = 60,
    families: Sequence[str] = tuple(FAMILIES),
) -> list[Detection]:
    """Return the curves of each family and radius after drawing and storing them.

    Their sentences are stored with the detector, whose identity stays the same.

    Good test clouds that are called defective as they are cannot tell a hit, and are left out.

    Args:
        run: A finished run.
        radii: Radii of the defects, in the unit of the scans; None: one, 6 % of the diameter.
        samples: Number of defects of each family and radius.
        families: Families of defects.

    Raises:
        InputError: The detector has no limit, or the data no good test clouds within it.
    """
    detector = load_detector(run)
    if detector.judge is None or detector.judge.calibration is None:
        raise InputError(f"{run.folder}: the detector has no limit, wanted a run of this version")
    calibration = detector.judge.calibration
    test = open_data(run.config.data, "test")
    good = [cloud for cloud in test if cloud.abnormal is False]
    normal = [cloud for cloud in good if not calibration.defective(detector.score(cloud).object)]
    if not normal:
        raise InputError(f"{run.folder}: no good test cloud is within the limit, wanted some")
    diameter = float(np.median([cloud.diameter for cloud in normal]))
    curves = []
    for radius in radii or [RADIUS * diameter]:
        for family in families:
            curves.append(
                _curve(
                    detector,
                    normal,
                    calibration=calibration,
                    family=family,
                    radius=radius,
                    samples=samples,
                    unit=test.unit or "",
                )
            )
    save_curves(run.pictures / "detection.png", curves)
    detector.detection = tuple(curve.sentence() for curve in curves)
    save_detector(run.detector_file, detector)
    return curves


def _curve(
    detector: Detector,
    normal: Sequence[Cloud],
    *,
    calibration: Calibration,
    family: str,
    radius: float,
    samples: int,
    unit: str,
) -> Detection:
    """Return hits, misses and curve of one family and radius.

    Depths are spread evenly over the logarithm; the order of clouds and depths is random.
    """
    rng = np.random.default_rng([list(FAMILIES).index(family), round(1e6 * radius)])
    surfaces = [Surface(cloud.pos / np.float32(cloud.diameter)) for cloud in normal]
    noises = [measure_scan(cloud.pos).noise for cloud in normal]
    spread = np.geomspace(DEPTHS[0], DEPTHS[1], samples)
    depths, hits, ideal = [], [], []
    for depth in tqdm(rng.permutation(spread), family, unit="defect"):
        number = int(rng.integers(len(normal)))
        cloud = normal[number]
        made = plant(
            cloud,
            surfaces[number],
            family=family,
            radius=radius / cloud.diameter,
            depth=float(depth),
            rng=rng,
        )
        depths.append(made.depth)
        hits.append(calibration.defective(detector.score(made.cloud).object))
        ideal.append(ideal_depth(made.shape, noises[number], false_alarms=calibration.promised))
    return Detection(
        family=family,
        radius=radius,
        depths=np.array(depths),
        hits=np.array(hits),
        curve=fit_curve(depths, hits),
        ideal=float(np.median(ideal)),
        unit=unit,
    )
