"""How well the list of defects measures: ``python experiments/defect_list.py RUN ...``.

Each run is one of the procedural data set.  Its detector judges defective scans of the part that
are made with seeds of their own, so that none is a test cloud, and the lists are compared with the
truth.  What was measured stays in ``runs/defect_list.json``: the same command goes on.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kept import measured
from page import write_page

import gmanet
from gmanet.cloud import Cloud
from gmanet.datasets.procedural.defects import DEFECTS
from gmanet.datasets.procedural.mesh import Mesh
from gmanet.datasets.procedural.solids import CATEGORIES
from gmanet.datasets.procedural.specimen import make
from gmanet.inspection.judged import judged
from gmanet.inspection.regions import patches
from gmanet.runs.folder import Run
from gmanet.runs.scoring import load_detector
from gmanet.runtime.provenance import provenance

HEAD = (
    "| part | scans | defective | hit | regions | elsewhere | depth error | measured : true "
    "| area error | measured : true |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
)
COUNT = 4
"""Scans of each kind of defects."""
ABOUT = (
    f"Lists of defects beside the truth, on {COUNT} scans with one defect of each kind.  "
    "Defective: parts called so.  Hit: those in whose list a region holds a point of the defect.  "
    "Regions for a defect that is hit, in the mean; regions elsewhere, in all.  Depth is the "
    "largest distance of a point of the defect from the surface of the good part, without noise; "
    "area is that of the labeled points: median errors, and medians of measured to true, over the "
    "defects whose depth the list knows.  The constants of the list were chosen on scans of this "
    "script of the hexagonal nut."
)
KEPT = Path("runs/defect_list.json")
"""Measures of the parts that are measured already."""

POINTS = (12_000, 19_999)
"""Smallest and largest number of points of a scan."""


def damaged(category: str, kind: str, *, seed: int) -> tuple[Cloud, float]:
    """Return a scan with one defect, and how deep its deepest point lies off the good surface.

    Args:
        category: One of ``CATEGORIES``.
        kind: One of ``DEFECTS``.
        seed: Seed of part, defect and scan.
    """
    rng = np.random.default_rng([seed, 2404])
    one = make(CATEGORIES[category], kind, points=POINTS, rng=rng)
    assert one.cloud.label is not None
    return one.cloud.replace(name=f"{kind}{seed}"), off(one.good, one.clean[one.cloud.label])


def off(good: Mesh, places: np.ndarray) -> float:
    """Return the largest distance of places from the surface of the good part."""
    import open3d

    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(good.vertices.astype(np.float32), good.faces.astype(np.uint32))
    return float(scene.compute_distance(places.astype(np.float32)).numpy().max())


def measure(run: Run) -> dict[str, Any]:
    """Return the measures of all scans of a part."""
    detector, part = load_detector(run), str(run.config.data.category)
    rows = []
    for kind in DEFECTS:
        for seed in range(COUNT):
            cloud, depth = damaged(part, kind, seed=seed)
            rows.append({"kind": kind, **compared(detector, cloud, depth=depth)})
    return {"part": part, "rows": rows}


def main() -> None:
    """Measure the runs that are not measured yet, and write the page."""
    made = provenance()
    parts = measured(
        KEPT,
        sys.argv[1:],
        measure=measure,
        show=lambda one: line(one["part"], one["rows"]),
    )
    lines = [line(one["part"], one["rows"]) for one in parts]
    lines.append(line("all", [row for one in parts for row in one["rows"]]))
    write_page(ABOUT, [*HEAD, *lines], made)


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


def line(part: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a row of the table: medians over the defects that are hit."""
    found = [row for row in rows if row["found"]]
    hit = [row for row in found if row["hit"]]
    cells: list[object] = [part, len(rows), len(found), len(hit)]
    cells.append(f"{np.mean([row['regions'] for row in hit]):.1f}" if hit else "-")
    cells.append(sum(row["false"] for row in found))
    for name in ("depth", "area"):
        pairs = np.array([(row[f"measured_{name}"], row[name]) for row in hit]).reshape(-1, 2)
        share = pairs[:, 0] / pairs[:, 1]
        error = 100 * np.nanmedian(np.abs(share - 1)) if hit else math.nan
        cells += [f"{error:.0f} %", f"{np.nanmedian(share) if hit else math.nan:.2f}"]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
