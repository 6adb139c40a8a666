"""FPFH of this package compared with Open3D's, in time and value: ``python experiments/fpfh.py``.

Both compute histograms of the same clouds with the same normals and neighborhoods, alternately, on
one thread.  Writes ``experiments/results/fpfh.md``.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace
from typing import Any

ROUNDS = 5
POINTS = 30_000
SAME = 1e-3
"""Largest difference of equal histograms, as a share of their sum."""
CATEGORIES = ("hexagonal_nut", "washer", "t_screw")
NEIGHBORHOODS = (
    ("100 within 2.5/30 of the extent", 100, 2.5 / 30),
    ("40", 40, None),
    ("120", 120, None),
)


def compare(category: str, count: int, share: float | None) -> tuple[float, float, float, int]:
    """Return CPU seconds of both, the largest difference, and the number of points that differ.

    The seconds of this package come first, then those of Open3D.  Differences are relative to 200,
    the sum of a histogram.

    Args:
        category: A procedural part.
        count: Number of points of a neighborhood.
        share: Radius of a neighborhood, as a share of the cloud's extent; None: no radius.
    """
    import numpy as np

    from gmanet.cloud import extent
    from gmanet.config.compose import compose
    from gmanet.datasets.catalog import open_data
    from gmanet.datasets.procedural.dataset import Procedural
    from gmanet.geometry.fpfh import fpfh
    from gmanet.geometry.open3d import load_open3d
    from gmanet.geometry.pca import pca_normals

    open3d = load_open3d()
    data = open_data(compose([f"data.category={category}"]).data, "train")
    assert isinstance(data, Procedural)
    data.profile = replace(data.profile, points=(POINTS, POINTS))
    pos = data[0].pos
    normal = pca_normals(pos, 30)
    radius = np.inf if share is None else share * extent(pos)
    vector = open3d.utility.Vector3dVector
    theirs = open3d.geometry.PointCloud(vector(pos.astype(np.float64)))
    theirs.normals = vector(normal.astype(np.float64))
    search: Any = (
        open3d.geometry.KDTreeSearchParamKNN(count)
        if share is None
        else open3d.geometry.KDTreeSearchParamHybrid(radius, count)
    )
    spent: dict[str, list[float]] = {"ours": [], "theirs": []}
    values: dict[str, Any] = {}
    for turn in range(ROUNDS):
        for name in ("ours", "theirs") if turn % 2 else ("theirs", "ours"):
            start = time.process_time()
            if name == "ours":
                values[name] = fpfh(pos, normal, counts=[count], radius=radius)
            else:
                feature = open3d.pipelines.registration.compute_fpfh_feature(theirs, search)
                values[name] = np.asarray(feature.data).T
            spent[name].append(time.process_time() - start)
    apart = np.abs(values["ours"] - values["theirs"]).max(axis=1) / 200
    ours, other = (statistics.median(spent[name]) for name in ("ours", "theirs"))
    return ours, other, float(apart.max()), int((apart > SAME).sum())


def main() -> None:
    """Measure and write the table."""
    from page import write_page

    from gmanet.geometry.open3d import load_open3d
    from gmanet.runtime.provenance import provenance

    made = provenance()
    lines = [
        "| part | neighborhood | ours, s | Open3D, s | ratio | greatest difference | above 0.001 |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for category in CATEGORIES:
        for title, count, share in NEIGHBORHOODS:
            ours, theirs, most, points = compare(category, count, share)
            lines.append(
                f"| {category} | {title} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} "
                f"| {most:.1e} | {points} |"
            )
            sys.stderr.write(lines[-1] + "\n")
    about = (
        f"FPFH of clouds of {POINTS} points beside Open3D {load_open3d().__version__}'s, same "
        f"normals and neighborhoods: seconds of processor time on one thread, medians of {ROUNDS} "
        "rounds in turns; differences are relative to a histogram's sum of 200.  The last column "
        "counts points: a neighbor on the edge of a bin, or two equally far at the end."
    )
    write_page(about, lines, made)


if __name__ == "__main__":
    from one_thread import on_one_thread

    on_one_thread(main)
