"""Further scans of test clouds: labels stay with their points, and the same scan comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from gmanet.cloud import Cloud
from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.inventory import inventory
from gmanet.datasets.rescan import Rescanned, kind_of, rescan
from gmanet.datasets.rescan_kinds import KINDS, REMOVALS, noise_of
from gmanet.errors import InputError
from gmanet.formats import write_cloud

LEFT = {"half": (0.5, 0.5), "fifth": (0.2, 0.2), "hole": (0.9, 0.9), "side": (0.75, 0.75)}
LEFT["density"] = (0.3, 0.85)


def box(seed, count=1500):
    """Return a noisy box with a label and an outward normal at each point, and one bump labeled."""
    rng = np.random.default_rng(seed)
    pos = rng.uniform(-1, 1, (count, 3)) * [3, 2, 1]
    side, sign = rng.integers(0, 3, count), rng.choice([-1.0, 1.0], count)
    normal = np.zeros((count, 3))
    normal[np.arange(count), side] = sign
    pos[np.arange(count), side] = sign * np.array([3.0, 2.0, 1.0])[side]
    label = np.linalg.norm(pos - pos[0], axis=1) < 0.8
    pos += rng.normal(0, 0.004, pos.shape)
    cloud = Cloud(pos.astype(np.float32), label, normal=normal.astype(np.float32), name="bump_0")
    return cloud.replace(defect="bump", category="box")


def rows_of(part, whole):
    """Return the row in ``whole`` of each point of ``part``, -1 where there is none."""
    place = {point.tobytes(): row for row, point in enumerate(whole)}
    return np.array([place.get(point.tobytes(), -1) for point in part])


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_labels_and_normals_stay_with_their_points(kind, seed):
    cloud = box(seed % 7)
    again = rescan(cloud, kind, rng=np.random.default_rng(seed))
    assert (again.defect, again.category) == ("bump", "box")
    assert again.pos.dtype == np.float32 and again.label.dtype == np.bool_
    assert len(again.label) == len(again.normal) == len(again)
    assert again.label.sum() >= 0.1 * cloud.label.sum()
    if kind in REMOVALS or kind == "outliers":
        rows = rows_of(again.pos, cloud.pos)
        scanned = rows >= 0
        assert (np.diff(rows[scanned]) > 0).all()  # in their order
        assert (again.label[scanned] == cloud.label[rows[scanned]]).all()
        assert (again.normal[scanned] == cloud.normal[rows[scanned]]).all()
        assert not again.label[~scanned].any()
        assert (~scanned).sum() == (round(0.005 * len(cloud)) if kind == "outliers" else 0)
    else:
        assert (again.label == cloud.label).all()
        assert len(again) == len(cloud)
    if kind in LEFT:
        low, high = LEFT[kind]
        assert low - 0.01 <= len(again) / len(cloud) <= high + 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_a_scan_depends_on_seed_name_and_kind_alone(kind, given_clouds):
    clouds = [box(0), box(1).replace(name="bump_1"), box(0).replace(name="bump_2")]
    data = Rescanned(given_clouds(clouds, "test"), KINDS, seed=3)
    alone = Rescanned(given_clouds(clouds[1:], "test"), [kind], seed=3)
    one = data[data.names.index(f"bump_1.{kind}")]
    assert np.array_equal(one.pos, alone[0].pos)
    assert np.array_equal(one.label, alone[0].label)
    if kind not in ("clean", "quantized"):  # these draw nothing
        other = Rescanned(given_clouds(clouds, "test"), [kind], seed=4)
        assert not np.array_equal(one.pos, other[1].pos)
        assert not np.array_equal(alone[1].pos, data[data.names.index(f"bump_0.{kind}")].pos)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_another_pose_is_rigid_and_every_other_kind_keeps_the_frame(seed):
    cloud = box(2, 300)
    turned = rescan(cloud, "pose", rng=np.random.default_rng(seed))
    assert pdist(turned.pos) == pytest.approx(pdist(cloud.pos), abs=1e-4)
    offset = cloud.pos + cloud.normal
    assert pdist(turned.pos + turned.normal) == pytest.approx(pdist(offset), abs=1e-4)
    assert np.abs(turned.pos - cloud.pos).max() > 0.1
    for kind, most in (("clean", 0.0), ("quantized", 0.00025 * cloud.diameter)):
        again = rescan(cloud, kind, rng=np.random.default_rng(seed))
        assert np.abs(again.pos - cloud.pos).max() <= most + 1e-6
    noisy = rescan(cloud, "noise2", rng=np.random.default_rng(seed))
    added = np.sqrt(3) * noise_of(cloud.pos)
    assert np.abs((noisy.pos - cloud.pos).mean(axis=0)).max() < 6 * added / np.sqrt(len(cloud))
    assert (noisy.pos - cloud.pos).std() == pytest.approx(added, rel=0.2)


def test_noise_is_measured_and_doubled():
    rng = np.random.default_rng(0)
    flat = np.column_stack([rng.uniform(-1, 1, (20_000, 2)), rng.normal(0, 0.001, 20_000)])
    cloud = Cloud(flat.astype(np.float32))
    assert noise_of(cloud.pos) == pytest.approx(0.001, rel=0.05)
    assert noise_of(rescan(cloud, "noise2", rng=rng).pos) == pytest.approx(0.002, rel=0.05)


def test_half_of_an_abnormal_region_is_kept_where_every_place_would_take_it_away(monkeypatch):
    cloud = box(0)
    whole = Cloud(cloud.pos, cloud.label, name="bump_0")
    monkeypatch.setitem(REMOVALS, "hole", lambda pos, rng: ~cloud.label)
    again = rescan(whole, "hole", rng=np.random.default_rng(0))
    assert again.label.sum() == (cloud.label.sum() + 1) // 2
    assert again.notes == ("bump_0: hole: drawn anew, 20 times the defect was missed",)
    draws = iter([~cloud.label, ~cloud.label, np.ones(len(cloud), bool)])
    monkeypatch.setitem(REMOVALS, "hole", lambda pos, rng: next(draws))
    again = rescan(whole, "hole", rng=np.random.default_rng(0))
    assert again.label.sum() == cloud.label.sum()
    assert again.notes == ("bump_0: hole: drawn anew, 2 times the defect was missed",)
    assert rescan(whole.replace(label=None), "side", rng=np.random.default_rng(0)).label is None


def test_flying_points_are_around_the_part():
    cloud = box(0, 4000)
    again = rescan(cloud, "outliers", rng=np.random.default_rng(0))
    flying = again.pos[rows_of(again.pos, cloud.pos) < 0]
    away = np.linalg.norm(flying - cloud.pos.mean(axis=0), axis=1)
    assert len(flying) == 20
    assert 0.4 * cloud.diameter < away.max() < 0.65 * cloud.diameter


def test_density_falls_along_an_axis_to_fifteen_percent():
    rng = np.random.default_rng(0)
    line = np.column_stack([np.linspace(-1, 1, 40_000), np.zeros((40_000, 2))])
    kept = rescan(Cloud(line.astype(np.float32)), "density", rng=rng).pos[:, 0]
    ends = sorted([(kept < -0.9).mean(), (kept > 0.9).mean()])
    assert ends[0] / ends[1] == pytest.approx(0.171 / 0.979, rel=0.15)


def test_the_kind_is_told_from_the_name():
    assert kind_of("concave_003.half") == "half"
    assert kind_of("part.1.clean") == "clean"
    assert kind_of("concave_003") == kind_of("half") == kind_of("x.ply") == ""
    assert kind_of("good_000.half", ["clean"]) == ""


def test_the_test_split_alone_holds_every_cloud_once_per_kind():
    config = DataConfig(category="washer")
    plain = open_data(config, "test")
    config.rescan = ["clean", "half", "clean"]
    test, train = open_data(config, "test"), open_data(config, "train")
    assert test.names[:3] == ["good_000.clean", "good_000.half", "good_001.clean"]
    assert len(test) == 2 * len(plain)
    assert (test.unit, test.category, test.split) == (plain.unit, plain.category, plain.split)
    assert train.names[0] == "good_000"
    assert (test[1].name, test[1].defect) == ("good_000.half", "good")
    assert np.array_equal(test[-2].pos, plain[-1].pos)


def test_without_kinds_nothing_changes(tmp_path, bumped_plate):
    config = DataConfig(category="washer")
    assert config.rescan == []
    assert open_data(config, "test").names[0] == "good_000"
    for seed in range(6):
        write_cloud(tmp_path / f"good/{seed}.ply", bumped_plate(300, seed, height=0))
        write_cloud(tmp_path / f"bump/{seed}.ply", bumped_plate(300, seed))

    def found(**more):
        config = DataConfig(name="folder", category="", root=str(tmp_path), **more)
        return inventory(config, train=open_data(config, "train"), test=open_data(config, "test"))

    assert found(rescan=["half", "pose"]) == found()  # scans are listed, not what is made of them


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"data\.rescan: no kind 'noise' .*noise2.*there are: cl"):
        open_data(DataConfig(rescan=["noise"]), "test")
