"""Simulated scans of a CAD mesh, with stated conditions or those of a real scan."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

import gmanet
from gmanet.cloud import Cloud
from gmanet.datasets.cad.conditions import Conditions, allowance, measure_conditions
from gmanet.datasets.cad.scanning import Scanner
from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.detectors.nominal import deviation
from gmanet.detectors.table import DETECTORS
from gmanet.errors import InputError
from gmanet.formats import write_cloud
from gmanet.nominal.deviation import deviation_from_mesh
from gmanet.nominal.mesh import TriangleMesh
from gmanet.nominal.pose import MeshTarget
from gmanet.runs.folder import Run

fit = import_module("gmanet.fit")

STEP = np.array([[0, 0], [9, 0], [9, 3], [5, 3], [5, 6], [2, 7], [0, 7]], float)
"""Outline of the part, counterclockwise."""
NOISE = 0.01


@pytest.fixture(scope="module")
def mesh():
    """Return a step block without symmetries, 4 deep."""
    count = len(STEP)
    low, high = (np.column_stack([STEP, np.full(count, z)]) for z in (0.0, 4.0))
    ring = [(i, (i + 1) % count) for i in range(count)]
    walls = [t for a, b in ring for t in ((a, b, b + count), (a, b + count, a + count))]
    fan = [(0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 5), (0, 5, 6)]
    lids = [t for a, b, c in fan for t in ((a, c, b), (a + count, b + count, c + count))]
    return TriangleMesh.of(np.concatenate([low, high]), np.array(walls + lids))


@pytest.fixture(scope="module")
def file(mesh, tmp_path_factory):
    path = tmp_path_factory.mktemp("cad") / "block.obj"
    rows = [f"v {x} {y} {z}" for x, y, z in mesh.vertices]
    path.write_text("\n".join([*rows, *(f"f {a} {b} {c}" for a, b, c in mesh.faces + 1)]))
    return path


@pytest.fixture(scope="module")
def target(mesh):
    return MeshTarget(mesh=mesh)


def scan_of(mesh, seed=0, **how):
    made = Scanner(mesh=mesh, conditions=Conditions(**{"points": 6000, "noise": NOISE, **how}))
    return made.scan(np.random.default_rng(seed)).replace(name="scan")


def opened(file, split="train", **keys):
    return open_data(DataConfig(name="cad", category="", root=str(file), **keys), split)


def test_the_mesh_of_the_tests_is_closed(mesh):
    assert mesh.closed
    assert mesh.oriented
    assert mesh.areas.sum() == pytest.approx(2 * 48.0 + 4 * 35.16, rel=0.1)


@pytest.mark.slow
def test_conditions_come_back(mesh, target):
    found = measure_conditions([scan_of(mesh)], target)
    assert found.noise == pytest.approx(NOISE, rel=0.1)
    assert found.tolerance < NOISE
    assert found.direction is None
    several = [scan_of(mesh, seed, tolerance=0.05) for seed in range(8)]
    loose = measure_conditions(several, target)
    assert 0.03 < loose.tolerance < 0.07
    assert loose.noise == pytest.approx(NOISE, rel=0.25)


def test_a_part_that_differs_at_one_face_has_a_tolerance(mesh, target):
    """A step that is .2 higher than that of the mesh: most of the surface lies where it should."""
    vertices = mesh.vertices.copy()
    vertices[:, 1] += 0.2 * (vertices[:, 1] >= 6)
    other = TriangleMesh.of(vertices, mesh.faces)
    made = Scanner(mesh=other, conditions=Conditions(points=6000, noise=NOISE))
    found = measure_conditions([made.scan(np.random.default_rng(0)).replace(name="scan")], target)
    assert 0.03 < found.tolerance < 0.2
    assert found.noise < 2 * NOISE


def test_more_scans_need_less_allowance(mesh, target):
    assert allowance(1) == pytest.approx(np.sqrt(3 / 1.005), rel=1e-3)  # tables of chi-square
    assert allowance(5) == pytest.approx(np.sqrt(15 / 10.307), rel=1e-3)
    assert 1 < allowance(1000) < 1.02
    seen = [scan_of(mesh, seed, tolerance=0.05) for seed in range(4)]
    alone = [measure_conditions([scan], target).tolerance / allowance(1) for scan in seen]
    found = measure_conditions(seen, target)
    assert found.tolerance == pytest.approx(allowance(4) * np.sqrt(np.mean(np.square(alone))))


def test_a_folder_of_scans_gives_the_conditions(file, mesh, tmp_path):
    with pytest.raises(InputError, match="holds no scan, wanted a scan or a folder of scans"):
        opened(file, scan=str(tmp_path))
    for seed, points in enumerate((3000, 4000, 6000)):
        write_cloud(tmp_path / f"{seed}.ply", scan_of(mesh, seed, points=points))
    found = opened(file, scan=str(tmp_path))
    assert f"{found.scanner.conditions.points:,} points" in found.notes[0]
    assert 3200 < found.scanner.conditions.points < 5000
    assert f"measured from 3 scans in {tmp_path}" in found.notes[0]


def test_the_side_of_the_scanner_comes_back(mesh, target):
    toward = np.array([0.48, 0.36, 0.8])
    found = measure_conditions([scan_of(mesh, points=3000, direction=tuple(toward))], target)
    assert found.direction is not None
    assert found.direction @ toward > np.cos(np.radians(30))


def test_scans_are_reproducible_and_differ(file):
    first, again = (opened(file, scans=5, points=500, noise=0.02) for _ in range(2))
    assert first.names == [f"good_{n:03}" for n in range(4)]
    assert opened(file, "test", scans=5).names == ["good_004"]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.pos, b.pos)
        assert a.abnormal is False
        assert 400 <= len(a) <= 625
    assert first[0].fingerprint != first[1].fingerprint
    assert "500 points, noise 0.02" in first.notes[0]


def test_scans_lie_on_the_mesh(mesh, target):
    made = scan_of(mesh, noise=0.0)
    motion, _ = target.register(made.pos)
    placed = made.pos @ motion[:3, :3].T + motion[:3, 3]
    assert np.abs(deviation_from_mesh(mesh, placed)).max() < 1e-3


def test_faces_are_displaced_on_their_own(mesh):
    """At one place, a thin wall's two faces move independently; form alone moves them alike."""
    scanner = Scanner(mesh=mesh, conditions=Conditions(points=4000, noise=0.0, tolerance=0.05))
    place, normal = np.full((2, 3), 2.0), np.array([[0.0, 0, 1], [0, 0, -1]])
    along = []
    for seed in range(400):
        moves = scanner._deviation(place, normal, np.random.default_rng(seed))
        along.append(np.einsum("nc,nc->n", moves, normal))
    upper, lower = np.array(along).T
    assert np.std(upper + lower) == pytest.approx(0.05, rel=0.2)
    assert np.std(along) == pytest.approx(0.05, rel=0.2)


def test_another_unit_is_named(file, mesh, tmp_path):
    small = scan_of(mesh).replace(label=None)
    write_cloud(tmp_path / "meters.ply", small.replace(pos=small.pos / np.float32(1000)))
    with pytest.raises(
        InputError, match=r"times smaller than the mesh \(perhaps millimeters and m"
    ):
        opened(file, scan=str(tmp_path / "meters.ply"))


def test_a_scan_of_something_else_is_refused(mesh, target):
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(3000, 3))
    ball *= 4.5 / np.linalg.norm(ball, axis=1, keepdims=True)
    with pytest.raises(InputError, match="lies away from the mesh"):
        measure_conditions([Cloud(ball.astype(np.float32), name="ball")], target)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({"scans": 3}, "at least 5"),
        ({"noise": -1.0}, "0 or more"),
        ({"one_sided": "up"}, r"one of: \+x"),
        ({"test": "none"}, "no such folder"),
        ({"scan": "none.ply"}, "no such file"),
        ({"scan": "none"}, "data.scan=none: no such file, wanted a scan or a folder"),
    ],
)
def test_what_is_wrong_is_said(file, key, said):
    with pytest.raises(InputError, match=said):
        opened(file, "test" if "test" in key else "train", **key)


def test_no_mesh_is_said():
    with pytest.raises(InputError, match=r"data\.root=part\.stl"):
        open_data(DataConfig(name="cad"), "train")


@pytest.mark.slow
def test_a_fit_on_a_mesh_tests_the_scans_of_a_folder(file, mesh, tmp_path, type_in):
    for number in range(3):
        good = scan_of(mesh, 100 + number).replace(label=None)
        write_cloud(tmp_path / f"test/good/{number}.ply", good)
        bad = (
            good.pos
            + np.float32([0, 0, 0.5]) * (np.abs(good.pos - good.pos[0]).max(1) < 1)[:, None]
        )
        write_cloud(tmp_path / f"test/bump/{number}.ply", Cloud(bad))
    words = ["data=cad", f"data.root={file}", "data.points=2000", f"data.test={tmp_path}/test"]
    words += ["data.scans=5", "detector=curvature", "detector.centers=256", "train.workers=0"]
    type_in(fit.main, *words, "name=block", "train.pictures=0", "wandb.mode=disabled")
    figures = Run.open(Run.root() / "block").read_scores()
    assert figures["n_clouds"] == 6


@pytest.mark.slow
def test_python_fits_on_a_mesh(file):
    words = {"data.points": 1000, "data.scans": 5, "detector.centers": 128}
    detector = gmanet.fit(file, detector="curvature", progress=False, overrides=words)
    assert len(detector.fitted_on) == 4


def test_a_detector_keeps_the_mesh(file, mesh, tmp_path):
    """The signed deviation of a scan is that of its points before noise."""
    detector = DETECTORS["curvature"](DETECTORS["curvature"].Config(name="curvature"))
    scan = scan_of(mesh)
    assert deviation(detector, scan) is None
    detector.nominal = MeshTarget(mesh=mesh)
    found = deviation(detector, scan)
    assert found.shape == (len(scan),)
    assert np.median(np.abs(found)) < NOISE
    detector.save(tmp_path / "block.gmanet")
    again = deviation(gmanet.load(tmp_path / "block.gmanet"), scan)
    np.testing.assert_allclose(again, found, atol=0.2 * NOISE)
