"""Fits on a CAD mesh alone: ``python experiments/cad.py [PART or PART:SCANS ...]``.

For each part the nominal mesh is written to a file, and GMANet is fitted on simulated scans of it.
One real scan, the first train cloud, or the first ones give the conditions.  All test clouds are
scored; the figures of the same detector on twenty real train clouds are those of ``main``.  The
deviations of the test clouds from the mesh are compared with those of their points before noise, in
the true pose.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from page import write_page

import gmanet
from gmanet.datasets.cad.dataset import CadScans
from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.datasets.procedural.mesh import Mesh
from gmanet.datasets.procedural.solids import CATEGORIES
from gmanet.datasets.procedural.surface import NOISE
from gmanet.formats import write_cloud
from gmanet.geometry.open3d import load_open3d
from gmanet.geometry.se3 import moved
from gmanet.metrics.functional import auroc, average_precision
from gmanet.nominal.deviation import deviation_from_mesh
from gmanet.nominal.pose import MeshTarget
from gmanet.runtime.provenance import provenance

PARTS = ("washer", "hexagonal_nut", "t_screw", "k_nut", "pulling_nut")
ROWS = Path("runs/cad.json")
"""Figures of the parts that are measured already."""
CHECKED = range(0, 50, 5)
"""Test clouds whose deviations are compared with the truth."""


class Nominal:
    """A generator without errors: dimensions are nominal."""

    def normal(self, loc: float = 0.0, scale: float = 1.0, size: Any = None) -> Any:
        """Return the mean."""
        return loc if size is None else np.full(size, loc)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Any = None) -> Any:
        """Return the middle."""
        return (low + high) / 2 if size is None else np.full(size, (low + high) / 2)

    def integers(self, low: int, high: int, **_: Any) -> int:
        """Return the middle."""
        return (low + high) // 2

    def random(self, size: Any = None) -> Any:
        """Return the middle."""
        return self.uniform(size=size)


def write_mesh(path: Path, mesh: Mesh) -> None:
    """Write a procedural mesh as a file of triangles."""
    open3d = load_open3d()
    triangles = open3d.geometry.TriangleMesh(
        open3d.utility.Vector3dVector(mesh.vertices), open3d.utility.Vector3iVector(mesh.faces)
    )
    triangles.compute_triangle_normals()
    open3d.io.write_triangle_mesh(str(path), triangles)


def deviations(part: str, mesh: MeshTarget) -> dict[str, float]:
    """Return errors of deviations in multiples of the noise: medians over the test clouds.

    The truth is the distance of the points before noise: in the frame of the part (``deviation``),
    and in their own best pose on the mesh (``own``).
    """
    data, rows = Procedural(part, "test"), []
    for index in CHECKED:
        one = data.specimen(index)
        motion, _ = mesh.register(one.cloud.pos)
        own, _ = mesh.register(one.clean.astype(np.float32))
        found = deviation_from_mesh(mesh.mesh, moved(motion, one.cloud.pos))
        errors = [
            (found - deviation_from_mesh(mesh.mesh, clean)) / (NOISE * mesh.mesh.size)
            for clean in (one.clean, moved(own, one.clean))
        ]
        rows.append([*(np.median(np.abs(error)) for error in errors), abs(errors[0].mean())])
    return dict(zip(("deviation", "own", "bias"), np.median(rows, axis=0).tolist(), strict=True))


def opened(part: str, count: int, folder: Path) -> CadScans:
    """Return simulated scans of the nominal mesh of a part, which is written to a file.

    Args:
        part: Name of the part.
        count: Number of real scans that give the conditions.
        folder: Folder of the files.
    """
    file, real = folder / f"{part}.stl", folder / f"{part}-{count}"
    write_mesh(file, CATEGORIES[part].build(Nominal()))  # type: ignore[arg-type]
    for number in range(count):
        cloud = Procedural(part, "train")[number]
        write_cloud(real / f"{number}.ply", cloud.replace(label=None))
    config = DataConfig(name="cad", category=part, root=str(file), scan=str(real))
    train = open_data(config, "train")
    assert isinstance(train, CadScans)
    print(*train.notes, flush=True)
    return train


def measure(part: str, train: CadScans) -> dict[str, Any]:
    """Return the figures of a fit."""
    figures: dict[str, Any] = {}
    detector = gmanet.fit(train, progress=False)
    scores, truth, points, labels = [], [], [], []
    verdicts: list[str] = []
    for cloud in Procedural(part, "test"):
        assert cloud.label is not None
        found = detector.score(cloud)
        scores.append(found.object)
        truth.append(bool(cloud.abnormal))
        verdicts.append(found.verdict)
        points.append(found.points)
        labels.append(cloud.label)
    flags = np.array(truth)
    figures["object_auroc"] = auroc(np.array(scores), flags)
    figures["object_aupr"] = average_precision(np.array(scores), flags)
    figures["point_auroc"] = auroc(np.concatenate(points), np.concatenate(labels))
    figures["point_aupr"] = average_precision(np.concatenate(points), np.concatenate(labels))
    for name, flag in (("good", False), ("defective", True)):
        said = [verdict for verdict, each in zip(verdicts, truth, strict=True) if each == flag]
        figures[f"called_defective_{name}"] = said.count("defective") / len(said)
        figures[f"not_judged_{name}"] = said.count("not judged") / len(said)
    return figures


def write(rows: dict[str, dict[str, Any]], origin: dict[str, Any]) -> None:
    """Write the page of the parts that are measured."""
    head = (
        "| part | scans | object AUROC | object AUPR | point AUROC | point AUPR "
        "| good called defective | defective called defective | error in the true frame "
        "| error in the best pose | mean error |"
    )
    lines = [head, "|---|" + "--:|" * 10]
    for word, row in rows.items():
        part, _, count = word.partition(":")
        cells = [
            *(row[f"{kind}_{name}"] for kind in ("object", "point") for name in ("auroc", "aupr")),
            *(row["called_defective_good"], row["called_defective_defective"]),
            *(row["deviation"], row.get("own", float("nan")), row["bias"]),
        ]
        lines.append(f"| {part} | {count or 1} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")
    mean = np.mean([row["object_auroc"] for word, row in rows.items() if ":" not in word])
    about = (
        "GMANet fitted on sixteen simulated scans of the nominal mesh of a part, whose conditions "
        "come from one real scan or several; scored are the test clouds of the small profile.  The "
        f"mean object AUROC with one scan is {mean:.3f}.  Deviations of the test clouds' points "
        "from the mesh are compared with those of the same points before noise, in the true frame "
        "of the part and in the best pose of these points on the mesh, which differ where "
        "dimensions do: median absolute error of a point, and in the frame error of the mean, in "
        "standard deviations of the noise."
    )
    write_page(about, lines, origin)


def main() -> None:
    """Measure the parts that are not in ``ROWS`` yet, and write the page after each."""
    origin = provenance()
    rows = json.loads(ROWS.read_text()) if ROWS.is_file() else {}
    with TemporaryDirectory() as folder:
        for word in sys.argv[1:] or PARTS:
            part, _, count = word.partition(":")
            train = opened(part, int(count or 1), Path(folder))
            assert train.mesh is not None
            if "object_auroc" not in rows.get(word, {}):
                rows[word] = measure(part, train)
            if "own" not in rows[word]:
                rows[word].update(deviations(part, MeshTarget(mesh=train.mesh)))
            ROWS.parent.mkdir(exist_ok=True)
            ROWS.write_text(json.dumps(rows, indent=1))
            write(rows, origin)


if __name__ == "__main__":
    main()
