"""From files of four formats to verdicts: ``python experiments/four_formats.py [GLAND]``.

Four procedural parts, and a real part in the layout of IEC3D-AD if its folder GLAND is given, are
fitted by ``python -m gmanet.fit data=folder`` on normal scans of one format each.  Eight good and
eight defective scans of each part are written as ``.ply``, ``.xyz`` with colors, organized
``.tiff`` and binary ``.stl``, and judged by one ``python -m gmanet.predict`` a part.  The table has
the verdicts of each format; a verdict that is not the same in the CSV file, the JSON file, the
report and the stored output of its scan ends the script with an error.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile
from page import write_page

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.formats import write_cloud
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.open3d import load_open3d
from gmanet.runtime.provenance import provenance

FITTED = {"washer": "ply", "hexagonal_nut": "xyz", "pulling_nut": "tiff", "k_nut": "stl"}
"""Part -> format of the scans it is fitted on."""
FORMATS = ("ply", "xyz", "tiff", "stl")
SCANS = 8
"""Good and defective scans of each part."""
FOLDER = Path("runs/four_formats")
COLUMNS = 128
"""Width of an organized scan."""
ROW = re.compile(r'<tr id="row\d+">.*?</tr>', re.S)
BADGE = re.compile(r'<span class="badge [^"]*">([^<]*)</span>')


def write_scan(path: Path, cloud: Cloud) -> None:
    """Write a scan as other people's programs do, in the format of its ending."""
    points = cloud.positions()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".ply":
        write_cloud(path, cloud.replace(label=None))
    elif path.suffix == ".xyz":
        gray = np.full((len(points), 3), 128)
        np.savetxt(path, np.hstack([points, gray]), fmt=["%.6f"] * 3 + ["%d"] * 3)
    elif path.suffix == ".tiff":
        grid = np.full((-(-len(points) // COLUMNS) * COLUMNS, 3), np.nan, np.float32)
        grid[: len(points)] = points
        tifffile.imwrite(path, grid.reshape(-1, COLUMNS, 3))
    else:
        write_triangles(path, points)


def write_triangles(path: Path, points: np.ndarray) -> None:
    """Write the surface that a ball rolls over the points as triangles, binary."""
    open3d = load_open3d()
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points))
    centered = (points - points.mean(axis=0)).astype(np.float32)
    spacing = float(np.median(nearest(centered, centered, count=2)[0][:, 1]))
    cloud.estimate_normals()
    cloud.orient_normals_consistent_tangent_plane(12)
    radii = open3d.utility.DoubleVector([spacing * size for size in (2.0, 4.0)])
    mesh = open3d.geometry.TriangleMesh.create_from_point_cloud_ball_pivoting(cloud, radii)
    mesh.compute_triangle_normals()
    open3d.io.write_triangle_mesh(str(path), mesh)


def run(*words: object) -> int:
    """Run a command of the package, and return its exit code."""
    typed = [sys.executable, "-m", *map(str, words)]
    return subprocess.run(typed, check=False).returncode


def chosen(test: CloudDataset) -> list[int]:
    """Return the places of good and of defective test clouds, evenly among all."""
    good = [at for at, name in enumerate(test.names) if name.startswith("good")]
    bad = [at for at, name in enumerate(test.names) if not name.startswith("good")]
    return [at for group in (good, bad) for at in group[:: len(group) // SCANS][:SCANS]]


def judge(
    part: str, train: CloudDataset, test: CloudDataset, ending: str
) -> dict[str, Counter[str]]:
    """Fit and judge a part, compare all outputs, and return the verdicts of each format."""
    home, name = FOLDER / part, f"four_formats/{part}/run"
    for number in range(len(train)):
        file = home / "good_scans" / "good" / f"{number:03}.{ending}"
        if not file.exists():
            write_scan(file, train[number])
    for at in chosen(test):
        cloud = test[at]
        for kind in FORMATS:
            file = home / "scans" / kind / f"{cloud.name.replace('/', '_')}.{kind}"
            if not file.exists():
                write_scan(file, cloud)
    root = home / "good_scans"
    assert run("gmanet.fit", "data=folder", f"data.root={root}", f"name={name}") == 0
    said = {kind: home / f"scans.{kind}" for kind in ("csv", "json", "html")}
    began = time.perf_counter()
    run(
        *("gmanet.predict", FOLDER / part / "run", home / "scans", "-o", home / "out"),
        *("--csv", said["csv"], "--json", said["json"], "--report", said["html"], "--no-picture"),
    )
    print(part, "judged in", round(time.perf_counter() - began), "s", flush=True)
    return compared(home, said)


def compared(home: Path, said: dict[str, Path]) -> dict[str, Counter[str]]:
    """Return the verdicts of each format, the same ones in all outputs."""
    with said["csv"].open(encoding="utf-8") as lines:
        table = {row["scan"]: row["verdict"] for row in csv.DictReader(lines)}
    found = {one["scan"]: one["verdict"] for one in json.loads(said["json"].read_text("utf-8"))}
    rows = ROW.findall(said["html"].read_text("utf-8"))
    page = [BADGE.findall(row)[0] for row in rows]
    stored = {
        one["scan"]: one["verdict"]
        for one in map(read_json, sorted((home / "out").rglob("*.scores.json")))
    }
    assert table == found == stored, "the outputs do not say the same"
    assert page == list(found.values()), "the report does not say the same"
    assert len(found) == 2 * SCANS * len(FORMATS), f"{len(found)} scans were judged"
    verdicts: dict[str, Counter[str]] = {}
    for scan, verdict in found.items():
        file = Path(scan)
        good = "good" if file.name.startswith("good") else "defective"
        verdicts.setdefault(f"{file.parent.name} {good}", Counter())[verdict] += 1
    return verdicts


def read_json(file: Path) -> dict[str, str]:
    """Return the values of a file."""
    values: dict[str, str] = json.loads(file.read_text("utf-8"))
    return values


def parts(arguments: Sequence[str]) -> Iterator[tuple[str, CloudDataset, CloudDataset, str]]:
    """Yield name, train and test clouds of each part, and the format to fit on."""
    for part, ending in FITTED.items():
        yield part, Procedural(part, "train"), Procedural(part, "test", profile="many"), ending
    for folder in map(Path, arguments):
        config = DataConfig(name="iec3d", root=str(folder.parent), category=folder.name)
        yield folder.name, open_data(config, "train"), open_data(config, "test"), "ply"


def main() -> None:
    """Judge all parts, and write the page after each."""
    made = provenance()
    lines = ["| part | fitted on | format | good: called defective | not judged "]
    lines[0] += "| defective: found | not judged |"
    lines.append("|---|---|---|--:|--:|--:|--:|")
    for part, train, test, ending in parts(sys.argv[1:]):
        verdicts = judge(part, train, test, ending)
        for kind in FORMATS:
            good, bad = verdicts[f"{kind} good"], verdicts[f"{kind} defective"]
            counts = (good["defective"], good["not judged"], bad["defective"], bad["not judged"])
            cells = (f"{count} of {SCANS}" for count in counts)
            lines.append(f"| {part} | {ending} | {kind} | {' | '.join(cells)} |")
        about = (
            f"The same {SCANS} good and {SCANS} defective scans of each part as files of four "
            "formats, judged by one call.  All verdicts were the same in the CSV file, in the JSON "
            "file, in the report and in the stored output of each scan.  Triangles (.stl) have "
            "fewer corners than the scan has points."
        )
        write_page(about, lines, made)


if __name__ == "__main__":
    main()
