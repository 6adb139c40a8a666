"""Fast and robust ICP compared with Open3D's point-to-point ICP: ``python experiments/fricp.py``.

Fifty pairs of scans of procedural parts with 20 % outliers are registered from random initial
motions near the true one.  Writes ``experiments/results/fricp.md``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from page import write_page
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from simulated import scene_of

from gmanet.datasets.procedural.solids import CATEGORIES
from gmanet.datasets.procedural.surface import NOISE, scatter
from gmanet.geometry.open3d import load_open3d
from gmanet.geometry.se3 import exp, inverse, log, moved
from gmanet.runtime.provenance import provenance
from gmanet.turntable.fricp import FINEST, PointPairs, Schedule, fricp

Array = npt.NDArray[np.float64]

PAIRS, POINTS, OUTLIERS = 50, 5000, 0.2
DEGREES, SHIFT = 10.0, 0.05
"""Largest rotation, in degrees, and translation, in diagonals, of the initial motion."""
REACHES = (0.02, 0.05, 0.1)
"""Open3D's largest distances of corresponding points, in diagonals."""
MOST = 1000
"""Largest number of ICP steps."""
RADIUS = 0.5
"""Radius of a part around its center, in diagonals: converts radians to a distance."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two scans of one part in a common frame: the true motion is the identity.

    Args:
        source: Points to register, with shape ``(N, 3)``, in diagonals of the part's bounding box,
            centered at the origin.
        target: Points to register on, with shape ``(N, 3)``, likewise.
        clean: True where a point of the source is no outlier, with shape ``(N,)``.
        start: Initial motion of the source, with shape ``(4, 4)``.
        scene: Open3D's scene of the true surface.
    """

    source: Array
    target: Array
    clean: npt.NDArray[np.bool_]
    start: Array
    scene: Any


def pair(index: int) -> Pair:
    """Return the pair with a number; the numbers go through the fifteen parts in turn."""
    rng = np.random.default_rng([5, index])
    mesh = list(CATEGORIES.values())[index % len(CATEGORIES)].build(rng)
    middle = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    clouds, clean = [], np.ones(POINTS, bool)
    for _ in range(2):
        place = (scatter(mesh, POINTS, rng=rng).place - middle) / mesh.diagonal
        place += rng.normal(0, NOISE, place.shape)
        clean = rng.random(POINTS) >= OUTLIERS
        low, size = place.min(axis=0), np.ptp(place, axis=0)
        place[~clean] = low + size * rng.uniform(-0.1, 1.1, (int((~clean).sum()), 3))
        clouds.append(place)
    turn = Rotation.from_rotvec(np.deg2rad(rng.uniform(0, DEGREES)) * _unit(rng)).as_rotvec()
    start = exp(np.concatenate([turn, rng.uniform(0, SHIFT) * _unit(rng)]))
    true = mesh.moved((mesh.vertices - middle) / mesh.diagonal)
    return Pair(clouds[1], clouds[0], clean=clean, start=start, scene=scene_of(true))


def _unit(rng: np.random.Generator) -> Array:
    vector = rng.normal(size=3)
    return np.asarray(vector / np.linalg.norm(vector))


def ours(one: Pair) -> tuple[Array, int]:
    """Return FRICP's motion, with shape ``(4, 4)``, and its number of nearest-point searches."""
    tree = cKDTree(one.target)
    spacing = float(np.median(tree.query(one.target, 7)[0][:, 1:]))
    schedule = Schedule(finest=FINEST * spacing, most=MOST)
    found = fricp(PointPairs(one.source, tree), one.start, radius=RADIUS, schedule=schedule)
    return found.motion, found.steps


def theirs(one: Pair, reach: float) -> tuple[Array, int, Array, int]:
    """Return motion and number of searches of Open3D's ICP, by its own end and by FRICP's end.

    Open3D ends where the share of corresponding points and their RMS change by less than 1e-6;
    FRICP ends where no point moves by more than a threshold.  Both criteria are evaluated here,
    after each single step of Open3D's ICP.

    Args:
        one: The scans.
        reach: Largest distance of corresponding points, in diagonals.
    """
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
    steps, early = 1, (one.start, 0)
    while steps < MOST:
        after = registration.registration_icp(source, target, reach, motion, estimate, once)
        change = log(after.transformation @ inverse(motion)) * ([RADIUS] * 3 + [1.0] * 3)
        motion, steps = np.array(after.transformation), steps + 1
        if not early[1] and np.abs(change).max() < Schedule(finest=1.0).still * RADIUS:
            early = motion, steps
        if (
            abs(after.fitness - before.fitness) < usual.relative_fitness
            and abs(after.inlier_rmse - before.inlier_rmse) < usual.relative_rmse
        ):
            break
        before = after
    return motion, steps, *(early if early[1] else (motion, steps))


def off_surface(one: Pair, motion: Array) -> float:
    """Return the RMS distance of the source's inliers to the true surface.

    The unit is the standard deviation of the noise.  Unlike the distance to the true positions, the
    distance to the surface does not count rotations about an axis of symmetry as errors.
    """
    place = moved(motion, one.source[one.clean]).astype(np.float32)
    distance = one.scene.compute_distance(load_open3d().core.Tensor(place)).numpy()
    return float(np.sqrt((distance**2).mean())) / NOISE


def main() -> None:
    """Measure and write the table."""
    made = provenance()
    rows: dict[str, list[tuple[int, float]]] = {}
    for index in range(PAIRS):
        one = pair(index)
        motion, steps = ours(one)
        rows.setdefault("FRICP", []).append((steps, off_surface(one, motion)))
        for reach in REACHES:
            late, slow, early, quick = theirs(one, reach)
            name = f"Open3D, {reach:.0%}"
            rows.setdefault(name, []).append((slow, off_surface(one, late)))
            rows.setdefault(f"{name}, our end", []).append((quick, off_surface(one, early)))
        sys.stderr.write(f"{index + 1} of {PAIRS} pairs\n")
    lines = [
        "| | steps, mean | median | most | surface, median | 90 % | at most 2 | better |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, found in rows.items():
        steps, surface = map(np.array, zip(*found, strict=True))
        better = np.mean(surface < [two for _, two in rows["FRICP"]])
        lines.append(
            f"| {name} | {steps.mean():.1f} | {np.median(steps):.0f} | {steps.max()} "
            f"| {np.median(surface):.2f} | {np.quantile(surface, 0.9):.2f} "
            f"| {np.mean(surface <= 2):.0%} | {better:.0%} |"
        )
    about = (
        f"{PAIRS} pairs of scans of {POINTS} points of the fifteen procedural parts, noise "
        f"{NOISE:.2%} of the diagonal, {OUTLIERS:.0%} outliers in both, from starts that are up "
        f"to {DEGREES:.0f} degrees and {SHIFT:.0%} of the diagonal off, the same for all. "
        f"Open3D {load_open3d().__version__}'s point-to-point ICP has its greatest distance of "
        "partners as a share of the diagonal, and ends by its own criteria or, in other lines, "
        "by those of FRICP (no point moves by more than "
        f"{Schedule(finest=1.0).still * RADIUS:.1e} of the diagonal). Steps are searches for "
        "nearest points. Surface: RMS distance of the good points to the true surface in standard "
        "deviations of the noise; 1 is the best there is. Better: share of pairs where the "
        "surface is nearer than FRICP's."
    )
    write_page(about, lines, made)


if __name__ == "__main__":
    main()
