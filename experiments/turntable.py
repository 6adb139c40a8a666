"""Parts on a simulated turntable, put together: ``python experiments/turntable.py``.

Twelve procedural parts, each seen from one height in eight steps by rays that nothing stops.  The
steps are known to within 30 degrees only, the axis to within some degrees.  Writes
``experiments/results/turntable.md``.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from gmanet.cloud import Cloud
from gmanet.data.files import read_cloud, write_cloud
from gmanet.data.files.atomic import replacing
from gmanet.data.procedural.defects import DEFECTS, FLOOR, deform
from gmanet.data.procedural.mesh import Mesh
from gmanet.data.procedural.solids import CATEGORIES
from gmanet.data.procedural.surface import NOISE, scatter
from gmanet.geometry.motion import exp, inverse, moved
from gmanet.geometry.open3d import load_open3d
from gmanet.preparation.parts import PartLine, fuse_parts
from gmanet.preprocess.cleaning import Cleaning
from gmanet.preprocess.outliers import inliers
from gmanet.preprocess.turning import Turning
from gmanet.provenance import provenance

Array = npt.NDArray[np.float64]

ELEVATION = np.deg2rad(35)
"""Of the eye above the table."""
GRAZING = 0.12
"""Least cosine between the surface's normal and the ray to the eye: flatter is not measured."""
OUTLIERS = 0.02
"""Share of points that lie anywhere in the box of the part, a fifth larger."""
WINDOW = np.deg2rad(30)
"""Steps differ from the nominal one by so much at most."""
TILT = np.deg2rad(3)
"""The table's axis differs from the z axis by so much at most."""
SHIFT = 0.03
"""And lies off the origin by so much, as a share of the diameter."""


PARTS = (
    *("fender_ring", "washer", "hole_retaining_ring", "hexagonal_nut", "round_nut", "k_nut"),
    *("square_welded_nut", "butterfly_nut", "hexagonal_bolt", "double_end_stud"),
    *("jointing_stud", "t_screw"),
)
"""Rings, nuts, bolts and threaded studs; every sixth part is good, the others have a defect."""
KINDS = (*DEFECTS, "good")
ALLOWED = 2.0
"""A fused surface is right with an RMS of at most so many standard deviations of the noise."""
RESULT = Path(__file__).parent / "results" / "turntable.md"


@dataclass(frozen=True, eq=False)
class Simulated:
    """Views of one part and the truth about them.

    Args:
        mesh: The part, in its own frame.
        diameter: Of the part.
        views: Clouds in the scanner's frame, with labels.
        motions: Part to scanner of each view, with shape ``(V, 4, 4)``.
    """

    mesh: Mesh
    diameter: float
    views: list[Cloud]
    motions: Array


def simulate(
    category: str,
    defect: str,
    rng: np.random.Generator,
    count: int = 8,
    points: int = 50_000,
    window: float = WINDOW,
    noise: float = NOISE,
) -> Simulated:
    """Return what a scanner sees of a part on a turntable."""
    part = CATEGORIES[category]
    mesh = part.build(rng)
    diameter = mesh.diameter
    moved = np.zeros(len(mesh.vertices))
    if defect != "good":
        shift, depth = deform(mesh, mesh.crosses(), defect, part.ratio, rng)
        moved = np.linalg.norm(shift, axis=1) / depth
        mesh = mesh.moved(mesh.vertices + shift)
    motions = _motions(_angles(count, window, rng), mesh, rng)
    scene = scene_of(mesh)
    eye = np.array([np.cos(ELEVATION), 0, np.sin(ELEVATION)])
    views = []
    for index, motion in enumerate(motions):
        place, label = _seen(mesh, moved, scene, motion[:3, :3].T @ eye, points, rng)
        place = place + rng.normal(0, noise * diameter, place.shape)
        wild = rng.random(points) < OUTLIERS
        low, size = place.min(axis=0), np.ptp(place, axis=0)
        place[wild] = low + size * rng.uniform(-0.1, 1.1, (int(wild.sum()), 3))
        place = place @ motion[:3, :3].T + motion[:3, 3]
        views.append(Cloud(place.astype(np.float32), label & ~wild, name=f"{index:03d}"))
    return Simulated(mesh, diameter, views, motions)


def scene_of(mesh: Mesh) -> Any:
    """Return the mesh as Open3D's rays see it."""
    open3d = load_open3d()
    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
    return scene


def _angles(count: int, window: float, rng: np.random.Generator) -> Array:
    """Return the table's angles; all steps, the last one to the first included, are in the window."""
    step = 2 * np.pi / count
    while True:
        steps = step + rng.uniform(-window, window, count - 1)
        if abs(2 * np.pi - steps.sum() - step) <= window:
            return np.concatenate([[0.0], np.cumsum(steps)])


def _motions(angles: Array, mesh: Mesh, rng: np.random.Generator) -> Array:
    """Return the motions of a part that stands roughly on the axis, with shape ``(V, 4, 4)``."""
    middle = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    aside = mesh.diameter * SHIFT * rng.uniform(-1, 1, (2, 3)) * [1, 1, 0]
    tilt = Rotation.from_rotvec(
        TILT * np.sqrt(rng.random()) * np.append(_unit(rng.normal(size=2)), 0)
    ).as_matrix()
    stance = Rotation.from_euler("z", rng.uniform(0, 2 * np.pi)).as_matrix()
    motions = np.tile(np.eye(4), (len(angles), 1, 1))
    for motion, angle in zip(motions, angles, strict=True):
        turn = tilt @ Rotation.from_euler("z", angle).as_matrix()
        motion[:3, :3] = turn @ stance
        motion[:3, 3] = turn @ (aside[0] - stance @ middle) + aside[1]
    return motions


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))


def _seen(
    mesh: Mesh, moved: Array, scene: Any, eye: Array, count: int, rng: np.random.Generator
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return places that the eye sees, as dense as it sees them, and whether they are defective."""
    places, labels, found = [], [], 0
    while found < count:
        spots = scatter(mesh, 6 * count, rng)
        cosine = spots.normal @ eye
        kept = np.flatnonzero((cosine > GRAZING) & (cosine > rng.random(len(cosine))))
        start = spots.place[kept] + 1e-4 * mesh.diameter * spots.normal[kept]
        rays = np.hstack([start, np.broadcast_to(eye, start.shape)]).astype(np.float32)
        kept = kept[~scene.test_occlusions(rays).numpy()]
        places.append(spots.place[kept])
        amount = np.einsum("nk,nk->n", spots.weight[kept], moved[spots.corner[kept]])
        labels.append(amount > FLOOR)
        found += len(kept)
    chosen = rng.permutation(found)[:count]
    return np.concatenate(places)[chosen], np.concatenate(labels)[chosen]


def surface_rms(truth: Simulated, pos: Array) -> float:
    """Return the RMS distance of fused points to the true surface, best laid on it, in noises.

    The frame of the fused cloud is that of the first view, whose own pose is as good as its points.
    """
    scene = scene_of(truth.mesh)
    open3d = load_open3d()
    place = moved(inverse(truth.motions[0]), pos)
    some = slice(None, None, max(1, len(pos) // 20_000))
    for _ in range(15):
        sample = place[some]
        found = scene.compute_closest_points(open3d.core.Tensor(sample.astype(np.float32)))
        near, normal = (
            found[key].numpy().astype(np.float64) for key in ("points", "primitive_normals")
        )
        height = np.einsum("nc,nc->n", sample - near, normal)
        lever = np.hstack([np.cross(sample, normal), normal])
        lever = lever[np.abs(height) < 0.01 * truth.diameter]
        height = height[np.abs(height) < 0.01 * truth.diameter]
        matrix = lever.T @ lever
        matrix += 1e-7 * np.trace(matrix) * np.eye(6)
        place = moved(exp(np.linalg.solve(matrix, -lever.T @ height)), place)
    distance = scene.compute_distance(open3d.core.Tensor(place.astype(np.float32))).numpy()
    return float(np.sqrt((distance**2).mean())) / (NOISE * truth.diameter)


@dataclass(frozen=True)
class Row:
    """What one part gave.

    Args:
        part: Its name.
        defect: Its defect, or ``good``.
        line: Of the command's table.
        rms: Of the surface, in standard deviations of the noise; of parts that failed, infinite.
        kept: Share of the labelled points that are no outliers, labels and all.
        covered: Share of the labelled points within a cell of a labelled point of the result.
        cpu: Seconds of processor time.
        wall: Seconds.
    """

    part: str
    defect: str
    line: PartLine
    rms: float
    kept: float
    covered: float
    cpu: float
    wall: float

    @property
    def verdict(self) -> str:
        """Say what became of the part."""
        if self.line.error:
            return "listed as failed"
        return "right" if self.rms <= ALLOWED else "SILENTLY WRONG"


def measure(category: str, defect: str, seed: tuple[int, ...], points: int) -> Row:
    """Return what the command makes of a simulated part, from files to files."""
    truth = simulate(category, defect, np.random.default_rng(seed), points=points)
    with TemporaryDirectory() as name:
        views, out = Path(name) / "views", Path(name) / "dataset"
        for view in truth.views:
            write_cloud(views / category / f"{view.name}.ply", view)
        start = time.perf_counter(), time.process_time()
        line = fuse_parts(views, out, Turning(), Cleaning())[0]
        wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
        if line.error:
            return Row(category, defect, line, np.inf, np.nan, np.nan, cpu, wall)
        cloud = read_cloud(out / line.file)
        gt = out / "gt" / f"{category}.txt"
        labelled = read_cloud(gt) if gt.is_file() else None
    rms = surface_rms(truth, cloud.pos)
    kept = covered = np.nan
    if labelled is not None and labelled.label is not None:
        # Where the truth lays the views: the labels' fate hangs on cleaning and the octree alone.
        places = [
            moved(truth.motions[0] @ inverse(motion), view.pos)
            for motion, view in zip(truth.motions, truth.views, strict=True)
        ]
        whole = np.concatenate(places).astype(np.float32)
        label = np.concatenate([view.label for view in truth.views if view.label is not None])
        kept = float(inliers(whole)[label].mean())
        tree = cKDTree(labelled.pos[labelled.label])
        spacing = float(
            np.median(cKDTree(truth.views[0].pos).query(truth.views[0].pos, 2)[0][:, 1])
        )
        covered = float((tree.query(whole[label])[0] <= np.sqrt(3) * spacing).mean())
    return Row(category, defect, line, rms, kept, covered, cpu, wall)


def main() -> None:
    """Measure all parts and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=50_000, help="of each view")
    parser.add_argument("--seeds", type=int, default=1, help="rounds of twelve parts")
    said = parser.parse_args()
    rows = []
    for seed in range(said.seeds):
        for index, category in enumerate(PARTS):
            kind = KINDS[(index + seed) % len(KINDS)]
            rows.append(measure(category, kind, (seed, index), said.points))
            sys.stderr.write(_cells(rows[-1]) + "\n")
    _write(rows, said.points)


def _cells(row: Row) -> str:
    line = row.line
    return (
        f"| {row.part} | {row.defect} | {row.verdict} | {row.rms:.2f} | {line.rms_before:.3f} "
        f"| {line.rms_after:.3f} | {line.overlap:.2f} | {row.kept:.4f} | {row.covered:.4f} "
        f"| {row.cpu:.1f} | {row.wall:.1f} |"
    )


def _write(rows: list[Row], points: int) -> None:
    right = sum(row.verdict == "right" for row in rows)
    wrong = sum(row.verdict == "SILENTLY WRONG" for row in rows)
    made = provenance()
    versions, machine = made["versions"], made["machine"]
    about = (
        f"{len(rows)} parts of eight views of {points} points from one height ({np.rad2deg(ELEVATION):.0f} "
        f"degrees), seen by rays; noise {NOISE:.2%} of the diameter, outliers {OUTLIERS:.0%}, steps of 45 ± "
        f"{np.rad2deg(WINDOW):.0f} degrees, an axis tilted by up to {np.rad2deg(TILT):.0f} degrees and off by "
        f"up to {SHIFT:.0%} of the diameter. **{right} of {len(rows)} parts are right** (surface RMS of at most "
        f"{ALLOWED:g} noises, all points of the result counted), **{wrong} silently wrong**, "
        f"{len(rows) - right - wrong} listed as failed.\n\n"
        "Surface: RMS distance to the true surface in standard deviations of the noise. Before and after: "
        "residual between neighboring views in mm after the coarse registration and in the end. Overlap: "
        "the least between neighbors. Kept: share of labelled points that are no outliers. Covered: share "
        "of labelled points that have a labelled point of the result within a cell of the octree. Seconds "
        "are for reading, registration, cleaning, writing and the picture on one thread; wall time says "
        "how busy the machine was.\n\n"
        f"`python experiments/turntable.py {' '.join(sys.argv[1:])}`, "
        f"{datetime.date.today().isoformat()}, {machine['cores']} cores of {machine['processor']}, "
        f"load {os.getloadavg()[1]:.0f}, Python {versions['python']}, NumPy {versions['numpy']}, SciPy "
        f"{versions['scipy']}, commit {str(made['commit'])[:10]}."
    )
    head = [
        "| part | defect | verdict | surface | before | after | overlap | kept | covered | CPU s | wall s |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    text = "\n".join(["# turntable\n", about, "", *head, *map(_cells, rows)]) + "\n"
    with replacing(RESULT) as draft:
        draft.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
