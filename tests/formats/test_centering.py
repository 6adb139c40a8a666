"""Coordinates far from the origin: nothing of the part is lost, in any format, there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gmanet.cloud import Cloud
from gmanet.datasets.annotations import read_annotation, write_gt
from gmanet.datasets.loaders.iec3d import IEC3D
from gmanet.datasets.loaders.truth import read_abnormal_points
from gmanet.detectors.btf import BTF
from gmanet.detectors.config import BTFConfig
from gmanet.errors import InputError
from gmanet.formats import WRITERS, read_cloud, write_cloud
from gmanet.formats.centering import centered
from gmanet.metrics.functional import auroc
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer
from gmanet.turntable import fusion
from gmanet.turntable.config import TurntableConfig
from gmanet.turntable.fusion import about_one_origin

PART = np.random.default_rng(0).uniform(-0.5, 0.5, (300, 3)) * (1, 0.7, 0.2)
UTM = np.array([691235.0, 5334567.0, 512.0])
MARKED = PART[:, 0] > 0.4


def text_rows(pos, *more):
    table = np.column_stack((pos, *more))
    return "".join(" ".join(repr(float(v)) for v in row) + "\n" for row in table).encode()


def ply_bytes(pos, kind="double", order="little"):
    names = "".join(f"property {kind} {axis}\n" for axis in "xyz")
    head = f"ply\nformat binary_{order}_endian 1.0\nelement vertex {len(pos)}\n{names}end_header\n"
    return head.encode() + pos.astype("<f8" if order == "little" else ">f8").tobytes()


def pcd_bytes(pos, data="binary"):
    head = (
        f"VERSION .7\nFIELDS x y z\nSIZE 8 8 8\nTYPE F F F\nCOUNT 1 1 1\nWIDTH {len(pos)}\n"
        f"HEIGHT 1\nPOINTS {len(pos)}\nDATA {data}\n"
    )
    return head.encode() + (pos.tobytes() if data == "binary" else text_rows(pos))


def npz_file(path, pos):
    with path.open("wb") as file:
        np.savez(file, pos=pos)


def stl_bytes(pos):
    facets = "".join(
        "facet normal 0 0 1\nouter loop\n"
        + "".join("vertex " + " ".join(repr(float(v)) for v in p) + "\n" for p in corners)
        + "endloop\nendfacet\n"
        for corners in pos.reshape(-1, 3, 3)
    )
    return f"solid part\n{facets}endsolid part\n".encode()


FILES = {
    "a.txt": text_rows,
    "a.xyz": text_rows,
    "a.ply": ply_bytes,
    "big.ply": lambda pos: ply_bytes(pos, order="big"),
    "a.pcd": pcd_bytes,
    "ascii.pcd": lambda pos: pcd_bytes(pos, "ascii"),
    "a.stl": stl_bytes,
    "a.npz": None,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("far")


@pytest.mark.parametrize("name", FILES)
@given(
    power=st.floats(-3, 4),
    away=st.tuples(*[st.floats(-1e7, 1e7)] * 3),
    ending=st.sampled_from(sorted(WRITERS)),
)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_coordinate_is_within_a_millionth_of_the_size(folder, name, power, away, ending):
    size = 10.0**power
    pos = size * (PART + np.array(away))
    path = folder / name
    if FILES[name] is None:
        npz_file(path, pos)
    else:
        path.write_bytes(FILES[name](pos))
    cloud = read_cloud(path)
    assert np.abs(cloud.positions() - pos).max() < 1e-6 * size
    assert np.abs(cloud.pos).max() < 20 * size
    write_cloud(folder / f"again{ending}", cloud)
    again = read_cloud(folder / f"again{ending}")
    assert np.abs(again.positions() - pos).max() < 1e-6 * size
    assert np.allclose(again.positions(), cloud.positions(), rtol=0, atol=1e-7 * size)


def test_near_coordinates_stay_bit_for_bit():
    for away in (0, 1, -9, 14):
        pos, origin = centered((PART + away).astype(np.float32).astype(np.float64))
        assert origin == (0.0, 0.0, 0.0)
        assert np.array_equal(pos, (PART + away).astype(np.float32))


@pytest.mark.parametrize("digits", ["%.9g", "%.17g"])
def test_float32_numbers_far_away_stay_bit_for_bit(folder, digits):
    pos = (PART + np.array([0, 20, 50])).astype(np.float32)
    np.savetxt(folder / "single.txt", pos, digits)
    cloud = read_cloud(folder / "single.txt")
    assert not any(cloud.origin)
    assert np.array_equal(cloud.pos, pos)
    assert any(centered(PART + 50)[1])


def test_outliers_do_not_move_the_center():
    pos = np.concatenate([PART + UTM, [[1e12, 0, 0]]])
    place, origin = centered(pos)
    assert np.allclose(origin, UTM, atol=1)
    assert np.abs(place[:-1] + np.array(origin) - pos[:-1]).max() < 1e-6


def test_scans_of_one_place_have_one_origin():
    assert len({centered(PART[rows::7] + UTM)[1] for rows in range(7)}) == 1


def test_what_is_chosen_of_a_cloud_keeps_its_origin(folder):
    (folder / "utm.txt").write_bytes(text_rows(PART + UTM))
    cloud = read_cloud(folder / "utm.txt")
    some = cloud.replace(pos=cloud.pos[:70])
    assert some.origin == cloud.origin
    assert np.abs(some.positions() - PART[:70] - UTM).max() < 1e-6


def test_annotated_far_scans(folder):
    category = folder / "data" / "Knut"
    (category / "test").mkdir(parents=True)
    (category / "train").mkdir()
    (category / "test" / "dent_1.pcd").write_bytes(pcd_bytes(PART + UTM))
    (folder / "dent_1.txt").write_bytes(b"//X Y Z label\n" + text_rows(PART + UTM, MARKED))
    path = write_gt(category, read_annotation(folder / "dent_1.txt"))
    assert np.abs(np.loadtxt(path)[:, :3] - PART - UTM).max() < 1e-6
    dent = IEC3D(category.parent, "knut", split="test")[0]
    assert np.abs(dent.positions() - PART - UTM).max() < 1e-6
    assert np.array_equal(dent.label, MARKED)


def test_listed_abnormal_points_are_doubles(folder):
    (folder / "points.txt").write_bytes(text_rows(PART + UTM))
    assert np.array_equal(read_abnormal_points(folder / "points.txt"), PART + UTM)


def test_views_of_one_part_get_one_origin():
    views = [Cloud(PART.astype(np.float32), origin=(x, 0.0, 50.0)) for x in (0.0, 3.0)]
    shifted = about_one_origin([Cloud(PART.astype(np.float32)), *views])
    assert {one.origin for one in shifted} == {(0.0, 0.0, 50.0)}
    for before, after in zip(views, shifted[1:], strict=True):
        assert np.allclose(before.positions(), after.positions(), atol=1e-5)


def read_at(path, cloud, away):
    """The cloud as it is read from a file in which it lies elsewhere."""
    path.write_bytes(text_rows(cloud.pos.astype(np.float64) + away))
    return read_cloud(path).replace(name=cloud.name, label=cloud.label, defect=cloud.defect)


def test_scores_do_not_depend_on_the_offset(folder, bumped_plate, given_clouds):
    plates = [bumped_plate(1500, seed, height=0) for seed in range(2)]
    bumped = bumped_plate(1500, 9)
    found = []
    for away in (0.0, np.array([3e6, -5e6, 2e4])):
        train = [read_at(folder / "good.txt", plate, away) for plate in plates]
        detector = BTF(BTFConfig(feature="fpfh"))
        clouds = given_clouds(train, "train")
        synthesis = SynthesisConfig()
        data = CloudData(clouds, clouds, detector=detector, synthesis=synthesis, progress=False)
        make_trainer(detector, TrainConfig(workers=0), folder=folder, logger=None, epochs=1).fit(
            detector, data
        )
        scan = read_at(folder / "bumped.txt", bumped, away)
        found.append(detector.eval().score(scan).points)
    assert np.corrcoef(found)[0, 1] > 0.999
    assert auroc(found[1], bumped.label) == pytest.approx(auroc(found[0], bumped.label), abs=1e-3)


def test_a_turntable_is_meant_in_the_coordinates_of_the_files(monkeypatch, bumped_plate):
    asked = {}

    def reconstruct(views, priors, rng, markers):
        asked.update(center=priors[0].center, marker=markers[0]["a"], pos=views[0].pos)
        raise InputError("asked")

    monkeypatch.setattr(fusion, "reconstruct", reconstruct)
    far = bumped_plate(300).replace(origin=(100.0, 200.0, 300.0))
    markers = [{"a": np.array([101.0, 202.0, 303.0])}] * 2
    with pytest.raises(InputError, match="asked"):
        fusion.register_views(
            [far, far], TurntableConfig(center=(100.0, 200.0, 310.0)), markers=markers
        )
    assert asked["center"].tolist() == [0, 0, 10]
    assert asked["marker"].tolist() == [1, 2, 3]
    placement = fusion.Placement(
        poses=[np.eye(4).tolist()] * 2,
        spacing=0.1,
        noise=0.1,
        rms_before=0,
        rms=0,
        apart=0,
        overlap=0,
        closing=0,
        trouble="",
    )
    assert fusion.joined([far, far], placement).origin == far.origin
