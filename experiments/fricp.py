"""Fast and robust ICP beside Open3D's point-to-point ICP: ``python experiments/fricp.py``.

Fifty pairs of scans of procedural parts, each a fifth outliers, start some degrees and percent of
the diameter away from where they belong.  Writes ``experiments/results/fricp.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from gmanet.data.procedural.solids import CATEGORIES
from gmanet.data.procedural.surface import NOISE, scatter
from gmanet.geometry.motion import exp, moved
from gmanet.geometry.open3d import load_open3d
from gmanet.preprocess.fricp import FINEST, PointPairs, fricp

Array = npt.NDArray[np.float64]

PAIRS, POINTS, OUTLIERS = 50, 5000, 0.2
DEGREES, SHIFT = 10.0, 0.05
"""Greatest turn and shift, a share of the diameter, of the start."""
REACHES = (0.02, 0.05, 0.1)
"""Open3D's greatest distance of a pair of points, as shares of the diameter."""
MOST = 1000
RESULT = Path(__file__).parent / "results" / "fricp.md"


@dataclass(frozen=True, eq=False)
class Pair:
    """Two scans of one part; the source belongs where it is.

    Args:
        source: With shape ``(N, 3)``, in diameters, around the origin.
        target: With shape ``(N, 3)``.
        clean: True where the source has no outlier, with shape ``(N,)``.
        start: The motion to start from, with shape ``(4, 4)``.
    """

    source: Array
    target: Array
    clean: npt.NDArray[np.bool_]
    start: Array


def pair(index: int) -> Pair:
    """Return the pair of a number: one after the other of the fifteen parts."""
    rng = np.random.default_rng([5, index])
    mesh = list(CATEGORIES.values())[index % len(CATEGORIES)].build(rng)
    middle = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    clouds, clean = [], np.ones(POINTS, bool)
    for _ in range(2):
        place = (scatter(mesh, POINTS, rng).place - middle) / mesh.diameter
        place += rng.normal(0, NOISE, place.shape)
        clean = rng.random(POINTS) >= OUTLIERS
        low, size = place.min(axis=0), np.ptp(place, axis=0)
        place[~clean] = low + size * rng.uniform(-0.1, 1.1, (int((~clean).sum()), 3))
        clouds.append(place)
    turn = Rotation.from_rotvec(np.deg2rad(rng.uniform(0, DEGREES)) * _unit(rng)).as_rotvec()
    start = exp(np.concatenate([turn, rng.uniform(0, SHIFT) * _unit(rng)]))
    return Pair(clouds[1], clouds[0], clean, start)


def _unit(rng: np.random.Generator) -> Array:
    vector = rng.normal(size=3)
    return np.asarray(vector / np.linalg.norm(vector))


def ours(one: Pair) -> tuple[Array, int]:
    """Return the motion and the number of searches for nearest points."""
    tree = cKDTree(one.target)
    spacing = float(np.median(tree.query(one.target, 7)[0][:, 1:]))
    found = fricp(PointPairs(one.source, tree), one.start, 0.5, FINEST * spacing, most=MOST)
    return found.motion, found.steps


def theirs(one: Pair, reach: float) -> tuple[Array, int]:
    """Return the same of Open3D's ICP, at its own criteria, which it checks step by step."""
    open3d = load_open3d()
    registration = open3d.pipelines.registration
    source, target = (
        open3d.geometry.PointCloud(open3d.utility.Vector3dVector(cloud))
        for cloud in (one.source, one.target)
    )
    estimate = registration.TransformationEstimationPointToPoint()
    once = registration.ICPConvergenceCriteria(0.0, 0.0, 1)
    usual = registration.ICPConvergenceCriteria()
    motion, before = one.start, registration.evaluate_registration(source, target, reach, one.start)
    for step in range(1, MOST + 1):
        after = registration.registration_icp(source, target, reach, motion, estimate, once)
        motion = after.transformation
        if (
            abs(after.fitness - before.fitness) < usual.relative_fitness
            and abs(after.inlier_rmse - before.inlier_rmse) < usual.relative_rmse
        ):
            break
        before = after
    return np.asarray(motion), step


def error(one: Pair, motion: Array) -> float:
    """Return how far the source's good points are from where they belong, a share of diameter."""
    apart = moved(motion, one.source[one.clean]) - one.source[one.clean]
    return float(np.sqrt((apart**2).sum(axis=1).mean()))
