"""How well the list of defects measures: hits, depth and area on parts whose defects are known.

``python experiments/defect_list.py DETECTOR CATEGORY [--count 4]`` makes defective scans of a
procedural part with seeds of its own, so that none is a test cloud, judges them with a fitted
detector (a file of ``detector.save``, or the ``detector.ckpt`` of a run on the category) and writes
how the lists compare with the truth.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from page import write_page

import gmanet
from gmanet.cloud import Cloud
from gmanet.datasets.procedural.defects import DEFECTS, FLOOR, deform
from gmanet.datasets.procedural.mesh import Mesh
from gmanet.datasets.procedural.solids import CATEGORIES
from gmanet.datasets.procedural.surface import finish, pose, scatter
from gmanet.inspection.judged import judged
from gmanet.inspection.regions import patches
from gmanet.runtime.provenance import provenance

HEAD = (
    "| defect | found | regions | false | depth | measured | area | measured |",
    "|---|---|---|--:|--:|--:|--:|--:|",
)

POINTS = (12_000, 20_000)
"""Smallest and largest number of points of a scan."""


def damaged(category: str, kind: str, *, seed: int) -> tuple[Cloud, float]:
    """Return a scan with one defect, and how deep its deepest point lies off the good surface.

    Args:
        category: One of ``CATEGORIES``.
        kind: One of ``DEFECTS``.
        seed: Seed of part, defect and scan.
    """
    part = CATEGORIES[category]
    shape, flaw, scan, stance = np.random.default_rng([seed, 2404]).spawn(4)
    mesh = part.build(shape)
    diagonal = mesh.diagonal
    share = part.ratio * flaw.uniform(0.5, 1.6)
    displacement, depth = deform(mesh, mesh.crosses(), kind=kind, share=share, rng=flaw)
    length = np.linalg.norm(displacement, axis=1) / depth
    good, mesh = mesh, mesh.moved(mesh.vertices + displacement)
    count = int(scan.integers(*POINTS))
    spots = scatter(mesh, count, rng=scan)
    pos = pose(finish(part.finish, spots, diagonal=diagonal, rng=scan), diagonal, rng=stance)
    label = np.einsum("nk,nk->n", spots.weight, length[spots.corner]) > FLOOR
    corners = mesh.vertices[spots.corner]
    deepest = off(good, np.einsum("nk,nkc->nc", spots.weight, corners)[label])
    return Cloud(pos.astype(np.float32), label, name=f"{kind}{seed}", defect=kind), deepest


def off(good: Mesh, places: np.ndarray) -> float:
    """Return the largest distance of places from the surface of the good part."""
    import open3d

    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(good.vertices.astype(np.float32), good.faces.astype(np.uint32))
    return float(scene.compute_distance(places.astype(np.float32)).numpy().max())


def main() -> None:
    """Judge the scans, print a line for each, and write the page."""
    made = provenance()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("detector", type=Path)
    parser.add_argument("category")
    parser.add_argument("--count", type=int, default=4, help="scans of each kind")
    arguments = parser.parse_args()
    detector = gmanet.load(arguments.detector)
    rows, lines = [], []
    for kind in DEFECTS:
        for seed in range(arguments.count):
            cloud, depth = damaged(arguments.category, kind, seed=seed)
            rows.append(compared(detector, cloud, depth=depth))
            lines.append(line(kind, rows[-1]))
            sys.stdout.write(f"{lines[-1]}\n")
            sys.stdout.flush()
    write_page(about(arguments.category, rows), [*HEAD, *lines], made)


def compared(detector: gmanet.Detector, cloud: Cloud, *, depth: float) -> dict[str, Any]:
    """Return the measures of a scan's list beside the truth."""
    made = judged(detector, cloud, scan=cloud.name)
    area = patches(cloud.pos).area
    assert cloud.label is not None
    numbers = set(made.defects.region[cloud.label].tolist()) - {0}
    hit = [made.found.defects[number - 1] for number in numbers]
    deepest = max((abs(one.depth) for one in hit), default=math.nan)
    return {
        "found": made.found.verdict == "defective",
        "hit": bool(hit),
        "regions": len(hit),
        "false": len(made.found.defects) - len(hit),
        "depth": depth,
        "measured_depth": deepest,
        "area": float(area[cloud.label].sum()),
        "measured_area": sum(one.area for one in hit),
        "kinds": "/".join(one.kind for one in hit),
    }


def line(kind: str, row: dict[str, Any]) -> str:
    """Return a row of the table."""
    return (
        f"| {kind} | {'yes' if row['found'] else 'no'} | {row['regions']} {row['kinds']} | "
        f"{row['false']} | {row['depth']:.3f} | {row['measured_depth']:.3f} | {row['area']:.1f} | "
        f"{row['measured_area']:.1f} |"
    )


def about(category: str, rows: list[dict[str, Any]]) -> str:
    """Return the figures of all found parts in words."""
    found = [row for row in rows if row["found"]]
    hit = [row for row in found if row["hit"]]
    depth, area = (
        np.array([row[f"measured_{name}"] / row[name] for row in hit]) for name in ("depth", "area")
    )
    return (
        f"Lists of defects of {category} beside the truth, lengths in mm.  {len(found)} of "
        f"{len(rows)} parts are called defective; {len(hit)} of their {len(found)} defects are hit "
        f"({100 * len(hit) / max(1, len(found)):.0f} %): a region of the list holds a point of "
        "theirs.  Depth is the largest distance of a point from the surface of the good part, "
        "without noise; area is that of the labeled points.  Median error of the depth "
        f"{100 * np.median(np.abs(depth - 1)):.0f} %, of the area "
        f"{100 * np.median(np.abs(area - 1)):.0f} % (measured to true: median "
        f"{np.median(depth):.2f} and {np.median(area):.2f}).  Regions for a defect: "
        f"{np.mean([row['regions'] for row in hit]):.1f} in the mean; regions elsewhere: "
        f"{sum(row['false'] for row in found)} in all.  The constants of the list were chosen on "
        "scans of this script of the hexagonal nut."
    )


if __name__ == "__main__":
    main()
