"""Reconstruction of parts from a simulated turntable: ``python experiments/turntable.py``.

Twelve procedural parts, each with eight views from one elevation (``simulated.py``).  The steps of
the table are known only to within 30 degrees, its axis to within a few degrees.  Writes
``experiments/results/turntable.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from page import write_page
from scipy.spatial import cKDTree
from simulated import ELEVATION, OUTLIERS, SHIFT, TILT, WINDOW, Simulated, scene_of, simulate

from gmanet.cleaning.clean import Cleaning
from gmanet.datasets.procedural.defects import DEFECTS
from gmanet.datasets.procedural.surface import NOISE
from gmanet.formats import read_cloud, write_cloud
from gmanet.geometry.open3d import load_open3d
from gmanet.geometry.se3 import exp, inverse, moved
from gmanet.runtime.provenance import provenance
from gmanet.turntable.config import TurntableConfig
from gmanet.turntable.parts import fuse_parts
from gmanet.turntable.report import PartLine

Array = npt.NDArray[np.float64]

PARTS = (
    *("fender_ring", "washer", "hole_retaining_ring", "hexagonal_nut", "round_nut", "k_nut"),
    *("square_welded_nut", "butterfly_nut", "hexagonal_bolt", "double_end_stud"),
    *("jointing_stud", "t_screw"),
)
"""Rings, nuts, bolts and threaded studs."""
KINDS = (*DEFECTS, "good")
"""Defects of the parts in turn, so that every sixth part is good."""
ALLOWED = 2.0
"""Largest RMS distance of a correct fused surface, in standard deviations of the noise."""


def surface_rms(truth: Simulated, pos: Array) -> float:
    """Return the RMS distance of fused points to the true surface, after the best rigid motion.

    The unit is the standard deviation of the noise.  The fused cloud is in the frame of the first
    view; its true pose is the initial motion, which point-to-plane ICP refines.

    Args:
        truth: The simulated part.
        pos: Fused points, with shape ``(N, 3)``.
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
        lever = lever[np.abs(height) < 0.01 * truth.diagonal]
        height = height[np.abs(height) < 0.01 * truth.diagonal]
        matrix = lever.T @ lever
        matrix += 1e-7 * np.trace(matrix) * np.eye(6)
        place = moved(exp(np.linalg.solve(matrix, -lever.T @ height)), place)
    distance = scene.compute_distance(open3d.core.Tensor(place.astype(np.float32))).numpy()
    return float(np.sqrt((distance**2).mean())) / (NOISE * truth.diagonal)


@dataclass(frozen=True)
class Row:
    """Result of one part.

    Args:
        part: Name of the part.
        defect: Kind of the part's defect, or ``good``.
        line: The part's line in the table of the command.
        rms: RMS distance to the true surface, in standard deviations of the noise; infinite for
            parts that failed.
        covered: Share of the labeled points that have a labeled point of the result within an
            octree cell.
        cpu: Processor time, in seconds.
        wall: Elapsed time, in seconds.
    """

    part: str
    defect: str
    line: PartLine
    rms: float
    covered: float
    cpu: float
    wall: float

    @property
    def verdict(self) -> str:
        """``right``, ``SILENTLY WRONG`` or ``listed as failed``."""
        if self.line.error:
            return "listed as failed"
        return "right" if self.rms <= ALLOWED else "SILENTLY WRONG"


def measure(category: str, defect: str, seed: tuple[int, ...], points: int) -> Row:
    """Return the result of the command on the files of a simulated part.

    Args:
        category: A procedural part.
        defect: Kind of the part's defect, or ``good``.
        seed: Seed of the simulation.
        points: Number of points of each view.
    """
    truth = simulate(category, defect, np.random.default_rng(seed), points=points)
    with TemporaryDirectory() as name:
        views, out = Path(name) / "views", Path(name) / "dataset"
        for view in truth.views:
            write_cloud(views / category / f"{view.name}.ply", view)
        start = time.perf_counter(), time.process_time()
        line = fuse_parts(views, out, turntable=TurntableConfig(), cleaning=Cleaning())[0]
        wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
        if line.error:
            return Row(category, defect, line=line, rms=np.inf, covered=np.nan, cpu=cpu, wall=wall)
        cloud = read_cloud(out / line.file)
        gt = out / "gt" / f"{category}.txt"
        labelled = read_cloud(gt) if gt.is_file() else None
        poses = json.loads((out / "poses" / f"{category}.json").read_text())["poses"]
    rms, covered = surface_rms(truth, cloud.pos), np.nan
    if labelled is not None and labelled.label is not None:
        places = [
            moved(np.asarray(pose), view.pos[view.label])
            for pose, view in zip(poses, truth.views, strict=True)
        ]
        tree = cKDTree(labelled.pos[labelled.label])
        pos = truth.views[0].pos
        cell = float(np.median(cKDTree(pos).query(pos, 2)[0][:, 1]))
        covered = float((tree.query(np.concatenate(places))[0] <= np.sqrt(3) * cell).mean())
    return Row(category, defect, line=line, rms=rms, covered=covered, cpu=cpu, wall=wall)


def main() -> None:
    """Measure all parts and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=50_000, help="of each view")
    parser.add_argument("--seeds", type=int, default=1, help="rounds of twelve parts")
    said = parser.parse_args()
    rows: list[Row] = []
    made = provenance()
    for seed in range(said.seeds):
        for index, category in enumerate(PARTS):
            kind = KINDS[(index + seed) % len(KINDS)]
            rows.append(measure(category, kind, (seed, index), said.points))
            sys.stderr.write(_cells(rows[-1]) + "\n")
            _write(rows, said.points, made)


def _cells(row: Row) -> str:
    line = row.line
    return (
        f"| {row.part} | {row.defect} | {row.verdict} | {row.rms:.2f} | {line.rms_before:.3f} "
        f"| {line.rms_after:.3f} | {line.overlap:.2f} | {row.covered:.4f} "
        f"| {row.cpu:.1f} | {row.wall:.1f} |"
    )


def _write(rows: list[Row], points: int, made: dict[str, Any]) -> None:
    right = sum(row.verdict == "right" for row in rows)
    wrong = sum(row.verdict == "SILENTLY WRONG" for row in rows)
    degrees = [f"{np.rad2deg(one):.0f}" for one in (ELEVATION, WINDOW, TILT)]
    about = (
        f"{len(rows)} parts of eight views of {points} points from one height ({degrees[0]} "
        f"degrees), seen by rays; noise {NOISE:.2%} of the diagonal, outliers {OUTLIERS:.0%}, "
        f"steps of 45 ± {degrees[1]} degrees, an axis tilted by up to {degrees[2]} degrees and "
        f"off by up to {SHIFT:.0%} of the diagonal. **{right} of {len(rows)} parts are right** "
        f"(surface RMS of at most {ALLOWED:g} noises, all points of the result counted), "
        f"**{wrong} silently wrong**, {len(rows) - right - wrong} listed as failed.\n\n"
        "Surface: RMS distance to the true surface in standard deviations of the noise. Before "
        "and after: residual between neighboring views in mm after the coarse registration and "
        "in the end. Overlap: the least between neighbors. Covered: share of labelled points "
        "that have a labelled point of the result within a cell of the octree. Seconds are for "
        "reading, registration, cleaning, "
        "writing and the picture on one thread; wall time says how busy the machine was."
    )
    head = [
        "| part | defect | verdict | surface | before | after | overlap | covered "
        "| CPU s | wall s |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    write_page(about, [*head, *map(_cells, rows)], made, f"load {os.getloadavg()[1]:.0f}")


if __name__ == "__main__":
    main()
